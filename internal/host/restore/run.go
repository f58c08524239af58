package restore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// Result is what a restore brought back.
type Result struct {
	backup.RestorePoint
	backup.Recovered
	Pictures backup.PictureCounts `json:"pictures"`
	Missing  []string             `json:"missing_pictures,omitempty"` // named by the database, and in no backup
	Seconds  float64              `json:"seconds"`
	Changed  bool                 `json:"changed"`
}

// Run makes the restore.
func (p *Plan) Run(ctx context.Context) (Result, error) {
	began := time.Now()
	unlock, err := p.r.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if now, err := setup.Existing(p.r.Dirs); err != nil || !bytes.Equal(now, p.found) {
		return Result{}, errors.Join(err, fault.New(fault.Preflight, "run the command again", "%s was changed while this restore waited; nothing was restored", p.r.Dirs.File()))
	}
	out := Result{RestorePoint: p.Point, Changed: true}
	if err = p.destination.run(ctx, &out); err == nil {
		out.Missing = p.missing
		err = p.finish(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return out, p.interrupted(context.WithoutCancel(ctx), err)
	}
	if err != nil {
		return out, err
	}
	out.Seconds = time.Since(began).Seconds()
	return out, nil
}

// interrupted tells what a restore that somebody has stopped leaves behind. What it was
// doing then says nothing of that.
func (p *Plan) interrupted(ctx context.Context, err error) error {
	if p.NewMachine {
		return stopped(err, "run the same command again, which begins anew", "the restore was interrupted, and this machine is not set up yet")
	}
	_, replaced, unsure := p.r.Pending(ctx)
	switch {
	case unsure != nil:
		return stopped(errors.Join(err, unsure), "bugspark status; if the restored data is not in place, run the same command again", "the restore was interrupted")
	case replaced:
		return stopped(err, "bugspark apply, which starts what had been stopped; then bugspark restore confirm, or bugspark restore undo",
			"the restore was interrupted when the restored data was in place; the data from before is kept")
	}
	return stopped(err, "bugspark apply, if something had been stopped already; or run the same command again", "the restore was interrupted, and the data in place was not touched")
}

// stopped is an error whose cause is told only where it is another than the stop.
func stopped(err error, next, what string) error {
	if errors.Is(err, context.Canceled) {
		return fault.New(fault.Failed, next, "%s", what)
	}
	return fault.Wrap(fault.Failed, err, next, "%s", what)
}

// lock keeps a setup or an apply from changing the machine meanwhile.
func (r *Restorer) lock(ctx context.Context) (unlock func(), err error) {
	return setup.Lock(ctx, r.Dirs, func(what string) { r.Reporter.Step("wait for " + what + " to finish") })
}

// finish brings up everything, and starts the backups of the new timeline.
func (p *Plan) finish(ctx context.Context) error {
	// From here on setup and apply serve the restored data as well.
	if p.NewMachine {
		if err := setup.EndRestore(p.r.Dirs); err != nil {
			return err
		}
	}
	beside := p.machine.Apply(ctx)
	if err := beside; !setup.Served(err) {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark apply'", "the data is restored, but not everything runs")
	}
	if p.NewMachine {
		if err := setup.Finish(p.r.Dirs); err != nil {
			return err
		}
	}
	return beside
}

// pictures prepares the object store and brings back what it lacks.
func (p *Plan) pictures(ctx context.Context) (backup.PictureCounts, error) {
	objects, err := p.machine.Objects()
	if err != nil {
		return backup.PictureCounts{}, err
	}
	if err := objects.Prepare(ctx); err != nil {
		return backup.PictureCounts{}, fault.Wrap(fault.Failed, err, "journalctl -u 'bugspark-*' -e", "preparing the object store")
	}
	out, err := backup.PutPictures(ctx, p.Point, p.r.Session.Repository, p.archive, objects, p.r.Reporter.Progress)
	if err != nil {
		return out, fault.Wrap(fault.Failed, err, "correct the cause and run the same command again; pictures that came back stay", "bringing back the pictures")
	}
	return out, nil
}

// Describe is a restore point in a few words.
func Describe(point backup.RestorePoint) string {
	if point.Time.IsZero() {
		return "set " + point.Set
	}
	return "the state of " + point.Time.Local().Format(time.DateTime)
}
