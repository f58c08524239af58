package restore

import (
	"context"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/fault"
)

// Into writes a set as it is into a new or empty directory, and touches nothing
// else. It returns what was or would be written.
func (r *Restorer) Into(ctx context.Context, q Request, dir string) (backup.Plan, error) {
	into, err := filepath.Abs(dir)
	if err != nil {
		return backup.Plan{}, err
	}
	if !q.Time.IsZero() {
		return backup.Plan{}, fault.New(fault.Usage, "bugspark restore --time TIME without --into, on another machine or with undo at hand", "--into brings back a set as it is, not a moment")
	}
	repository := r.Session.Repository
	if q.Set == backup.Latest {
		sets, err := repository.Sets(ctx)
		if err != nil {
			return backup.Plan{}, err
		}
		if len(sets) == 0 {
			return backup.Plan{}, backup.ErrNoSets
		}
		q.Set = sets[0].ID
	}
	plan, err := backup.Prepare(ctx, repository, q.Set, into, r.live())
	if err != nil || q.DryRun {
		return plan, err
	}
	if err := plan.Guard(ctx, func(ctx context.Context) error { return backup.Restore(ctx, repository, plan, r.Reporter.Progress) }); err != nil {
		if ctx.Err() != nil {
			return plan, stopped(err, "remove "+into+" and run the same command again", "the restore into "+into+" was interrupted; nothing that runs was touched")
		}
		return plan, fault.Wrap(fault.Failed, err, "remove "+into+" and try again, or try an older set", "restoring set %s", q.Set)
	}
	return plan, nil
}

// ParseTime reads a moment as people write it, in local time unless it says
// otherwise. One that is yet to come is refused.
func ParseTime(text string, now time.Time) (time.Time, error) {
	layouts := []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly, "2006-01-02 15:04:05 MST"}
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if t.After(now) {
			return t, fault.New(fault.Usage, "check clock and time zone: this machine says that it is "+now.Format("2006-01-02 15:04:05 -07:00 MST"), "%s is yet to come", t.Format(time.RFC3339))
		}
		return t, nil
	}
	return time.Time{}, fault.New(fault.Usage, `write it as "2026-11-24 10:30", or with a zone as 2026-11-24T10:30:00+01:00`, "%q is no moment", text)
}
