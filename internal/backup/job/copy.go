package job

import (
	"context"
	"errors"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// CopyOptions say how to bring the second target up to date.
type CopyOptions struct {
	DryRun  bool              // only count
	Accept  bool              // what the first target has lost goes from the copy in the end
	Waiting func(what string) // hears what the copy waits for; may be nil
}

// Copied is what a copy onto the second target did, or with a dry run would do.
type Copied struct {
	target.Mirrored
	Seconds float64 `json:"-"`
}

// mayDeleteFromCopy tells whether anything goes from the copy. While backups are not
// taken or cannot be restored, the copy may be all there is.
func mayDeleteFromCopy(h history.History, now time.Time) bool {
	return now.Sub(h.Set.At) < health.MaxSetAge && (h.Drill.At.IsZero() || h.Drill.Passed)
}

// journal is what the product let go on the first target. It belongs to the account of
// the backups, as every job that deletes runs as that account.
func (j *Jobs) journal() *target.Journal {
	return &target.Journal{Path: history.File(j.Dirs, "let-go.jsonl"), Now: time.Now}
}

// journaled is the store of an endpoint to a job that lets files go. Without a second
// target, and on the second itself, nobody asks why a file went.
func (j *Jobs) journaled(e target.Endpoint, s target.Store, replaces bool) target.Store {
	if j.Config.Backup.Copy.Target == "" || e.Copy {
		return s
	}
	return target.Journaled{Store: s, Journal: j.journal(), Replaces: replaces}
}

// Copy brings the second target up to date. It needs no key of the backups.
func (j *Jobs) Copy(ctx context.Context, o CopyOptions, report func(backup.Progress)) (Copied, error) {
	out, err := j.copySecond(ctx, o, report)
	if o.DryRun {
		return out, err
	}
	return out, j.ended(ctx, history.Copy, err)
}

func (j *Jobs) copySecond(ctx context.Context, o CopyOptions, report func(backup.Progress)) (Copied, error) {
	if j.Config.Backup.Copy.Target == "" {
		return Copied{}, fault.New(fault.Usage, "set backup.copy.target in "+j.Dirs.File()+" and run 'bugspark apply'", "there is no second backup target")
	}
	var own [2]*target.Target
	for i := range own {
		e, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, i == 1)
		if err != nil {
			return Copied{}, err
		}
		s, err := e.Open()
		if err != nil {
			return Copied{}, err
		}
		defer s.Close()
		if own[i], err = e.Own(j.Dirs, s); err != nil {
			return Copied{}, err
		}
	}
	if err := j.StepDown(); err != nil {
		return Copied{}, err
	}
	unlock, err := j.lockCopy(ctx, true, o.Waiting)
	if err != nil {
		return Copied{}, err
	}
	defer unlock()
	return j.mirror(ctx, own[0], own[1], o, report)
}

func (j *Jobs) mirror(ctx context.Context, from, to *target.Target, o CopyOptions, report func(backup.Progress)) (Copied, error) {
	began := time.Now()
	// A first target that is away looks like an empty one.
	if err := from.Check(ctx); err != nil {
		return Copied{}, err
	}
	if err := to.Renew(ctx); err != nil {
		return Copied{}, err
	}
	h, err := history.Read(j.Dirs)
	if err != nil {
		return Copied{}, err
	}
	m := target.Mirror{From: from.Store, To: to.Guard(target.Beside{Store: to.Store, State: j.Dirs.State}), Journal: j.journal(), Delete: mayDeleteFromCopy(h.Of(j.Config.Backup), began), DryRun: o.DryRun, Accept: o.Accept, Now: time.Now,
		Report: func(done, total int64) { report(backup.Progress{Part: "copy", Bytes: done, Total: total}) }}
	if err := checkLock(ctx, to.Store); err != nil {
		return Copied{}, err
	}
	mirrored, err := m.Run(ctx)
	if err == nil && !o.DryRun {
		err = errors.Join(target.Sweep(ctx, to.Store, began), j.extendLocks(ctx, to.Store, began))
	}
	out := Copied{mirrored, time.Since(began).Seconds()}
	run := h.Copy.After(began, j.Config.Backup.Copy.Target, mirrored, err)
	if !o.DryRun {
		if failed := history.Write(j.Dirs, history.CopyFile, run); failed != nil {
			return out, errors.Join(err, failed)
		}
	}
	return out, explainCopy(err)
}

func explainCopy(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, target.ErrOwnedElsewhere), errors.Is(err, target.ErrAway):
		return err
	case errors.Is(err, target.ErrOtherRepository):
		return fault.Wrap(fault.Failed, err, "bugspark backup list --copy shows what the copy has, and bugspark restore --copy brings it back; or set backup.copy.target to a new, empty place, and keep this one as long as you need it",
			"nothing was copied, and the second target is as it was")
	case errors.Is(err, target.ErrBeside):
		return fault.Wrap(fault.Failed, err, "make room there, or set backup.copy.target to a place on another machine and run 'bugspark apply'; then 'bugspark backup copy' goes on where it stopped",
			"the second target is not up to date: it is on the disk of database and pictures, and backups leave them their room")
	}
	return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup copy' again; it goes on where it stopped", "the second target is not up to date")
}
