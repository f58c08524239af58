package restore

import (
	"context"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/fault"
)

// logical is our own database on a new machine, made anew by the version of
// PostgreSQL that is installed and loaded from a logical copy.
type logical struct{ plan *Plan }

func (l *logical) prepare(ctx context.Context, q Request) error {
	p := l.plan
	p.Database = Create
	if _, err := p.r.Jobs.Programs.ServerAtLeast(ctx, p.Point.Document.Database.Major); err != nil {
		return err
	}
	e := p.r.exchanger(p.machine)
	if err := p.ready(e); err != nil {
		return err
	}
	into := e.Next()
	if q.DryRun {
		into += ".planned"
	} else if err := e.Clear(); err != nil {
		return err
	}
	// Nothing is written there, but the new cluster needs as much room.
	plan, err := backup.PrepareDatabase(ctx, p.r.Session.Repository, p.Point, into, p.r.live(), p.pictureNeeds(ctx)...)
	p.Bytes, p.Free = plan.Bytes, plan.Free
	return err
}

func (l *logical) run(ctx context.Context, out *Result) error {
	p := l.plan
	if err := p.install(ctx); err != nil {
		return err
	}
	p.step("make a new database")
	if err := p.machine.Start(ctx, p.r.Units.Database...); err != nil {
		return err
	}
	cluster, err := p.machine.Cluster()
	if err != nil {
		return err
	}
	if err := backup.LoadLogicalCopy(ctx, p.r.Session.Repository, p.Point.Set, cluster, p.r.Reporter.Progress); err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "loading the logical copy")
	}
	// It may be of a time when a restore waited.
	if err := cluster.Unmark(ctx); err != nil {
		return err
	}
	if out.Pictures, err = p.pictures(ctx); err != nil {
		return err
	}
	out.Recovered, err = backup.Count(ctx, p.r.Jobs.Product, cluster)
	return err
}
