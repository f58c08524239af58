package restore

import (
	"context"
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
	out := Result{RestorePoint: p.Point, Changed: true}
	if err := p.destination.run(ctx, &out); err != nil {
		return out, err
	}
	out.Missing = p.missing
	if err := p.finish(ctx); err != nil {
		return out, err
	}
	out.Seconds = time.Since(began).Seconds()
	return out, nil
}

// finish brings up everything, and starts the backups of the new timeline.
func (p *Plan) finish(ctx context.Context) error {
	if err := p.machine.Apply(ctx); err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark apply'", "the data is restored, but not everything runs")
	}
	if p.NewMachine {
		return setup.Finish(p.r.Dirs)
	}
	return nil
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
