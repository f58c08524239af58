package health

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// patienceForOwner is how long a target may take to tell whose it is.
const patienceForOwner = 5 * time.Second

// taken tells that another machine has taken the target over; nil when it has not, or
// that cannot be told here, which others report. Another goroutine asks, as for the room.
func (e endpoint) taken(d config.Dirs) error {
	if e.err != nil {
		return nil
	}
	s, err := e.Open()
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	own, err := e.Own(d, s)
	if err != nil {
		s.Close()
		return nil //nolint:nilerr // see above
	}
	ctx, cancel := context.WithTimeout(context.Background(), patienceForOwner)
	defer cancel()
	got := make(chan error, 1)
	go func() {
		defer s.Close()
		got <- own.Check(ctx)
	}()
	select {
	case err = <-got:
	case <-ctx.Done():
		return nil
	}
	if errors.Is(err, target.ErrOwnedElsewhere) {
		return err
	}
	return nil
}

func (s *Status) judgeOwners() {
	for _, t := range []struct {
		key string
		err error
	}{{TargetTaken, s.in.Taken}, {CopyTaken, s.in.CopyTaken}} {
		if t.err != nil {
			s.problem(t.key, "%v, so nothing is saved there; %s", t.err, strings.Join(fault.Hints(t.err), "; "))
		}
	}
}
