package restore

import (
	"context"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// recovery makes a recovered copy of the set's database cluster.
type recovery struct {
	plan   *Plan
	copy   backup.Plan
	server pgcluster.Server
	// durable: the copy is to be used, and not only read once.
	durable bool
}

// run restores the cluster's files, replays the WAL and hands the running server
// to use, which may be nil. The copy is a clean data directory afterwards.
func (r *recovery) run(ctx context.Context, use func(context.Context, *pgcluster.Scratch) error) (backup.Recovered, error) {
	p := r.plan
	into := r.copy.Into
	postgres, err := account.Lookup(account.Postgres)
	if err != nil {
		return backup.Recovered{}, err
	}
	if err := os.MkdirAll(filepath.Dir(into), 0o700); err != nil {
		return backup.Recovered{}, err
	}
	if err := account.Give(filepath.Dir(into), postgres); err != nil {
		return backup.Recovered{}, err
	}
	if err := backup.Restore(ctx, p.r.Session.Repository, r.copy, p.r.Reporter.Progress); err != nil {
		return backup.Recovered{}, err
	}
	// The files are root's so far, and the server has to pass their directory.
	if err := account.Give(into, postgres); err != nil {
		return backup.Recovered{}, err
	}
	p.step("check every file and replay the WAL")
	rec := backup.Recovery{RestorePoint: p.Point, Product: p.r.Jobs.Product, Server: r.server, Data: filepath.Join(into, "database"), Dir: filepath.Join(into, "run"),
		Account: postgres, Durable: r.durable, Fetch: p.r.Fetch}
	return rec.Run(ctx, func(ctx context.Context, s *pgcluster.Scratch) error {
		var err error
		if p.missing, err = backup.MissingPictures(ctx, p.r.Jobs.Product, s, p.Point, p.r.Session.Repository, p.archive); err != nil || use == nil {
			return err
		}
		return use(ctx, s)
	})
}
