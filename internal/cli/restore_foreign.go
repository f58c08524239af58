package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// foreignTarget is the customer's database as a restore finds it.
type foreignTarget struct {
	backup.CustomerServer
	migration int    // 0: it is empty
	place     string // which one it is
	keeps     bool
	replacer  *exchange.Replacer
}

func (f *foreignTarget) empty() bool { return f.migration == 0 }

// look finds out what the database holds, and which one it is.
func (f *foreignTarget) look(ctx context.Context) (err error) {
	if f.migration, err = f.Migration(ctx); err != nil {
		return err
	}
	f.place, err = f.Place()
	return err
}

// replaceable refuses a schema that holds what is not ours: it would go back in
// time as well.
func (f *foreignTarget) replaceable(ctx context.Context, namespace string) error {
	if f.Namespace != namespace {
		return fault.New(fault.Preflight, "let the credential database-dsn lead to an empty database, or to the schema of the set",
			"the set is of the schema %s, and your database has our tables in %s", namespace, f.Namespace)
	}
	ours, err := postgres.Tables()
	if err != nil {
		return err
	}
	others, err := f.Others(ctx, ours)
	if err == nil && len(others) > 0 {
		err = fault.New(fault.Preflight, "bugspark restore --set SET --into DIR, and choose there; or let the credential database-dsn lead to an empty database",
			"the schema %s holds tables that are not ours (%s), and a restore would take them back as well", namespace, strings.Join(others, ", "))
	}
	return err
}

// checkForeign looks at the customer's database. On a new machine it may have
// outlived the old one; then it stays as it is. Where BugSpark runs, what it
// holds is replaced, and kept.
func (x *restoration) checkForeign(ctx context.Context, latest, dryRun bool) error {
	f := &foreignTarget{}
	x.foreign = f
	var err error
	if f.CustomerServer, err = x.foreignDatabase(); err != nil {
		return err
	}
	if err := f.look(ctx); err != nil {
		return fault.Wrap(fault.Preflight, err, "make the database that the credential database-dsn names, or correct it", "the database is yours, and does not answer")
	}
	d := x.choice.Document
	if !f.empty() && x.isNew {
		f.keeps = true
		return nil
	}
	if !f.empty() {
		if latest && !d.Physical() {
			return fault.New(fault.Preflight, "bugspark restore --set "+x.choice.Set+", if that is what you want",
				"the database is yours and holds data that is newer than the newest set")
		}
		f.replacer = x.replacer(f)
		if err := f.replacer.Ready(); err != nil {
			return err
		}
		if err := f.replaceable(ctx, d.Database.Namespace); err != nil {
			return err
		}
		if !d.Physical() {
			if err := f.sameMigration(d.Database.Schema); err != nil {
				return err
			}
		}
	}
	if !x.physical() {
		return nil
	}
	if x.server, err = programs(x.env).Major(ctx, d.Database.Major); err != nil {
		return err
	}
	into := filepath.Join(x.v.dirs.State, "restore", "next")
	if dryRun {
		into += ".planned"
	} else if err := os.RemoveAll(into); err != nil {
		return err
	}
	x.plan, err = backup.PrepareDatabase(ctx, x.r, x.choice.Set, into)
	return err
}

// physical tells whether the database comes from a copy of a whole server.
func (x *restoration) physical() bool { return x.choice.Document.Physical() && !x.logical }

// foreignDatabase is the customer's database, of which a new machine knows by the
// set.
func (x *restoration) foreignDatabase() (backup.CustomerServer, error) {
	if x.isNew {
		return newForeign(x.env, strings.TrimSpace(string(x.files["credentials/database-dsn"]))), nil
	}
	dsn, err := config.ReadCredential(x.env.Lookup, x.v.dirs, "database-dsn")
	return newForeign(x.env, dsn), err
}

// replacer is how data comes into the customer's database of a running machine.
func (x *restoration) replacer(f *foreignTarget) *exchange.Replacer {
	return &exchange.Replacer{
		// The socket goes first: whoever connects would start the API again.
		Units: x, Users: x.set.WithSockets(x.set.WritersOf("database")), Dir: filepath.Join(x.site.Dirs.State, "setup"),
		Place:   fmt.Sprintf("the schema %s (migration %d) of the database %s", f.Namespace, f.migration, f.place),
		Healthy: x.healthy, Report: x.say, Dump: f.Dump,
		Load: func(ctx context.Context, dump io.Reader) error { return f.Load(ctx, dump, f.Namespace) },
	}
}

// sameMigration refuses to replace tables of one version by those of another:
// what only one of them has would be left over.
func (f *foreignTarget) sameMigration(other int) error {
	if f.empty() || other == f.migration {
		return nil
	}
	return fault.New(fault.Preflight, "make an empty database, name it in the credential database-dsn, and run the same command again",
		"the set has the tables of another version (migration %d), and your database holds data (migration %d)", other, f.migration)
}

// runForeign brings back configuration and pictures, and the database unless it
// stays as it is.
func (x *restoration) runForeign(ctx context.Context) (restored, error) {
	out := restored{RestorePoint: x.choice, Changed: true}
	p := newTransfer(x.env, x.silent)
	bring := func(ctx context.Context, dump io.Reader) error {
		p.finish()
		if x.isNew {
			if err := x.install(ctx); err != nil {
				return err
			}
		}
		// No row may name a picture that is not there.
		var err error
		if out.Pictures, err = x.pictures(ctx, p); err != nil {
			return err
		}
		return x.fill(ctx, dump)
	}
	var err error
	switch {
	case x.foreign.keeps:
		err = bring(ctx, nil)
	case x.physical():
		out.Recovered, err = x.copy(ctx, p, func(ctx context.Context, s *pgcluster.Scratch) error {
			migration, err := backup.Migration(ctx, s)
			if err != nil {
				return err
			}
			if err := x.foreign.sameMigration(migration); err != nil {
				return err
			}
			dump, err := s.Dump(ctx)
			if err != nil {
				return err
			}
			defer dump.Close()
			return bring(ctx, dump)
		})
		err = errors.Join(err, os.RemoveAll(filepath.Dir(x.plan.Into)))
	default:
		err = backup.WithLogical(ctx, x.r, x.choice.Set, p.report, bring)
	}
	p.finish()
	if err != nil {
		return out, fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "restoring")
	}
	if out.Rows, err = x.foreign.Rows(ctx); err != nil {
		return out, err
	}
	out.Missing = x.missing
	return out, x.finish(ctx)
}

// fill brings a dump into the customer's database.
func (x *restoration) fill(ctx context.Context, dump io.Reader) error {
	switch f := x.foreign; {
	case f.keeps:
		return nil
	case f.empty():
		x.say("load it into your database")
		return f.Load(ctx, dump, x.choice.Document.Database.Namespace)
	default:
		return f.replacer.Replace(ctx, dump, x.what())
	}
}

// what comes back, for people.
func (x *restoration) what() string {
	if x.choice.Time.IsZero() {
		return "set " + x.choice.Set
	}
	return "the state of " + x.choice.Time.Local().Format(time.DateTime)
}
