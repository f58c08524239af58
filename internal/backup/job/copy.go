package job

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// Copied is what a copy onto the second target did, or with a dry run would do.
type Copied struct {
	target.Mirrored
	Seconds float64 `json:"-"`
}

// mayDeleteFromCopy tells whether what the first target has deleted is deleted
// from the copy as well. While backups are not taken or cannot be restored, the
// copy may be all there is.
func mayDeleteFromCopy(h history.History, now time.Time) bool {
	return now.Sub(h.Set.At) < health.MaxSetAge && (h.Drill.At.IsZero() || h.Drill.Passed)
}

// Copy brings the second target to the state of the first. It needs no key of the
// backups.
func (j *Jobs) Copy(ctx context.Context, dryRun bool, report func(backup.Progress)) (Copied, error) {
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
	unlock, err := j.lockCopy(ctx, false, nil)
	if err != nil {
		return Copied{}, err
	}
	defer unlock()
	return j.mirror(ctx, own[0], own[1], dryRun, report)
}

func (j *Jobs) mirror(ctx context.Context, from, to *target.Target, dryRun bool, report func(backup.Progress)) (Copied, error) {
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
	m := target.Mirror{From: from.Store, To: to.Store, DryRun: dryRun, Delete: mayDeleteFromCopy(h, began),
		Report: func(done, total int64) { report(backup.Progress{Part: "copy", Bytes: done, Total: total}) }}
	mirrored, err := m.Run(ctx)
	out := Copied{mirrored, time.Since(began).Seconds()}
	if err != nil {
		return out, fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup copy' again; it goes on where it stopped", "the second target is not up to date")
	}
	if dryRun {
		return out, nil
	}
	return out, history.Write(j.Dirs, history.CopyFile, history.CopyRun{At: began, Mirrored: mirrored})
}
