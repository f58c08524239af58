package restore

import (
	"context"
	"fmt"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
)

// How long a restore waits for the archive, and how often it looks. The shipper
// works every two seconds, and every half minute while something fails.
const (
	archiveWait = 40 * time.Second
	archiveLook = 200 * time.Millisecond
)

// awaitArchive waits, on the machine that writes the archive, until the archive has
// everything up to now, also where an older state is asked for: what the server holds is
// worth its way back, and can only be archived while the server is there. When that does
// not come, as with a database that is down, the request goes on with what is there: a
// moment that is not covered is refused, and the newest state says how new it is.
func (r *Restorer) awaitArchive(ctx context.Context, q *Request) error {
	want := time.Now()
	q.Through, q.Shipped = r.Session.Through(), r.Session.Shipped()
	if q.Through.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, archiveWait)
	defer cancel()
	for told := false; q.Through.Before(want); q.Through, q.Shipped = r.Session.Through(), r.Session.Shipped() {
		if !told {
			told = true
			r.Reporter.Step(fmt.Sprintf("wait until the archive has everything up to %s", want.Local().Format(time.TimeOnly)))
		}
		select {
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded { //nolint:errorlint // of this context itself
				return nil
			}
			return ctx.Err()
		case <-time.After(archiveLook):
		}
		if q.Set != backup.Latest && !q.Through.Before(q.Time) && q.Shipped.Trouble != "" {
			return nil // it may last, and what was asked for is there
		}
	}
	return nil
}
