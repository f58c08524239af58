package cli

import (
	"context"
	"os"
	"strings"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// newForeign is the customer's database behind a connection string.
func newForeign(env Env, dsn string) backup.Foreign {
	return backup.Foreign{Foreign: &pgcluster.Foreign{DSN: dsn, Programs: programs(env)}}
}

// programs finds what is installed of PostgreSQL, for whatever data.
func programs(env Env) *pgcluster.Cluster {
	return pgcluster.New(pgcluster.Options{Root: os.DirFS("/"), Lookup: env.Lookup, Run: pgcluster.Exec})
}

// checkForeign looks whether the customer's database has anything to lose. On a
// new machine it may have outlived the old one; then it stays as it is.
func (x *restoration) checkForeign(ctx context.Context) error {
	dsn := strings.TrimSpace(string(x.files["credentials/database-dsn"]))
	if !x.isNew {
		var err error
		if dsn, err = config.ReadCredential(x.env.Lookup, x.v.dirs, "database-dsn"); err != nil {
			return err
		}
	}
	f := newForeign(x.env, dsn)
	x.foreign = &f
	var err error
	if x.empty, err = f.Empty(ctx); err != nil {
		return fault.Wrap(fault.Preflight, err, "make the database that the credential database-dsn names, or correct it", "the database is yours, and does not answer")
	}
	if !x.empty && !x.isNew {
		return fault.New(fault.Preflight, "bugspark restore --set "+x.choice.Set+" --into DIR, and choose there; or empty the database first",
			"the database is yours and holds data, and a restore never writes over it")
	}
	return nil
}

// runForeign brings back configuration and pictures, and the database if it is
// empty.
func (x *restoration) runForeign(ctx context.Context) (restored, error) {
	out := restored{Choice: x.choice, Changed: true}
	if x.isNew {
		if err := x.install(ctx); err != nil {
			return out, err
		}
	}
	p := newTransfer(x.env, x.silent)
	if x.empty {
		x.say("load the logical copy into your database")
		err := backup.LoadForeign(ctx, x.r, x.choice.Set, *x.foreign, p.report)
		p.finish()
		if err != nil {
			return out, fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "loading the logical copy")
		}
	}
	var err error
	if out.Pictures, err = x.pictures(ctx, p); err != nil {
		return out, err
	}
	if out.Rows, err = x.foreign.Rows(ctx); err != nil {
		return out, err
	}
	return out, x.finish(ctx)
}
