package job

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// ended remembers how a run of a job ended, and returns its error. A slip in the command
// line and an interruption are no results: neither says anything of the backups.
func (j *Jobs) ended(ctx context.Context, which history.Job, err error) error {
	if ctx.Err() != nil {
		return j.interrupted(ctx, which, err)
	}
	if kind := fault.Kind(fault.Status(err)); kind == fault.Usage || kind == fault.Interrupted {
		return err
	}
	if _, service := j.Lookup("INVOCATION_ID"); !service && errors.Is(err, durable.ErrLocked) {
		return err // a person's command that did not wait for another
	}
	r := history.Run{At: time.Now().UTC(), Place: which.Place(j.Config.Backup)}
	if err != nil {
		r.Failure, r.Next = strings.Join(strings.Fields(err.Error()), " "), strings.Join(fault.Hints(err), "; ")
	}
	failed := history.Ended(j.Dirs, which, r)
	if err != nil && (errors.Is(failed, fs.ErrPermission) || errors.Is(failed, fs.ErrNotExist)) {
		return err // an account without rights for the job, or a machine without backups
	}
	return errors.Join(err, failed)
}

// interrupted keeps why, which engines lose, and has a set or drill of a service's taken
// again: its timer has come, and comes no more for a day or a week.
func (j *Jobs) interrupted(ctx context.Context, which history.Job, err error) error {
	if err == nil {
		return nil
	}
	err = errors.Join(err, ctx.Err())
	if _, service := j.Lookup("INVOCATION_ID"); !service {
		return err
	}
	switch which {
	case history.TakeSet:
		return errors.Join(err, history.AskLater(j.Dirs, "the last set was interrupted"))
	case history.Drill:
		return errors.Join(err, history.AskDrillLater(j.Dirs))
	default:
		return err
	}
}
