package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// restoration is one restore of this machine.
type restoration struct {
	*machine
	env     Env
	v       *vault
	r       *repository.Repository
	a       *archive.Archive
	choice  backup.RestorePoint
	plan    backup.Plan
	server  pgcluster.Server
	swap    *exchange.Exchanger
	isNew   bool              // nothing is set up here
	logical bool              // the database comes from a logical copy
	foreign *foreignTarget    // the database is the customer's
	files   map[string][]byte // the set's configuration
	silent  bool
	missing []string
}

// restored is what 'restore --json' prints.
type restored struct {
	backup.RestorePoint
	backup.Recovered
	Pictures backup.PictureCounts `json:"pictures"`
	Missing  []string             `json:"missing_pictures,omitempty"`
	Seconds  float64              `json:"seconds"`
	Changed  bool                 `json:"changed"`
}

func restoreLive(ctx context.Context, env Env, v *vault, r *repository.Repository, w backup.RestoreRequest, o restoreOptions) error {
	began := time.Now()
	x, err := prepareRestoration(ctx, env, v, r, w, o)
	if err != nil {
		return job.ExplainNoSet(err)
	}
	defer x.Close()
	if !o.json {
		x.describe()
	}
	if o.dryRun {
		if o.json {
			return json.NewEncoder(env.Stdout).Encode(restored{RestorePoint: x.choice})
		}
		return nil
	}
	if err := x.ask(o.yes); err != nil {
		return err
	}
	out, err := x.run(ctx)
	if err != nil {
		return err
	}
	out.Seconds = time.Since(began).Seconds()
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	x.tell(out)
	return nil
}

// prepareRestoration proves everything that can be proven before anything is
// touched.
func prepareRestoration(ctx context.Context, env Env, v *vault, r *repository.Repository, w backup.RestoreRequest, o restoreOptions) (*restoration, error) {
	if err := setup.RootCheck().Run(ctx); err != nil {
		return nil, err
	}
	x := &restoration{env: env, v: v, r: r, silent: o.json, logical: o.logical}
	var err error
	if x.a, err = v.archive(); err != nil {
		return nil, err
	}
	if o.logical {
		x.choice, err = backup.ChooseLogicalCopy(ctx, r)
	} else {
		x.choice, err = backup.Choose(ctx, r, x.a, w)
	}
	if err != nil {
		return nil, err
	}
	if x.files, err = backup.ConfigFiles(ctx, r, x.choice.Set); err != nil {
		return nil, err
	}
	existing, err := setup.Existing(v.dirs)
	if err != nil {
		return nil, err
	}
	applied, err := setup.ReadApplied(v.dirs)
	if err != nil {
		return nil, err
	}
	// A restore of a new machine that was interrupted begins again.
	if x.isNew = existing == nil || (!applied.Finished && o.kit != ""); x.isNew {
		if v.cfg, err = x.newConfig(); err != nil {
			return nil, err
		}
	}
	if o.logical && !x.isNew {
		return nil, fault.New(fault.Preflight, "bugspark restore --set "+backup.Latest, "--logical is for a machine on which nothing is set up")
	}
	if x.machine, err = openMachine(ctx, env, v.dirs, v.cfg); err != nil {
		return nil, err
	}
	return x, x.check(ctx, o.set == backup.Latest, o.dryRun)
}

func (x *restoration) check(ctx context.Context, latest, dryRun bool) error {
	checks := x.checks(ctx)
	later := []string{"replication"} // what backups need must not keep anybody from restoring
	if x.isNew {                     // and these come with the set
		later = append(later, "secrets", "backup-target")
		if x.bringsCertificate() {
			later = append(later, "certificate")
		}
	}
	checks = slices.DeleteFunc(checks, func(c setup.Check) bool { return slices.Contains(later, c.ID) })
	if _, err := setup.Preflight(ctx, checks); err != nil {
		return err
	}
	if foreign := x.choice.Document.OfCustomer(); foreign == (x.v.cfg.Database.Mode == "managed") {
		return fault.New(fault.Preflight, "bugspark restore --set SET --into DIR, and load it by hand", "the set is of a database that was run in another way than database.mode %s", x.v.cfg.Database.Mode)
	} else if foreign {
		return x.checkForeign(ctx, latest, dryRun)
	}
	dir := filepath.Join(x.v.dirs.State, "postgres")
	x.swap = x.exchanger(x.v.dirs)
	if err := x.swap.Ready(); err != nil {
		return err
	}
	finder := pgcluster.New(pgcluster.Options{StateDir: dir, Root: os.DirFS("/"), Lookup: x.env.Lookup, Run: pgcluster.Exec})
	var err error
	if !x.logical {
		if x.server, err = finder.Major(ctx, x.choice.Document.Database.Major); err != nil {
			return x.offerLogical(ctx, err)
		}
	}
	into := x.swap.Next()
	if dryRun {
		into += ".planned" // the other may be in use
	} else if err := x.swap.Clear(); err != nil {
		return err
	}
	x.plan, err = backup.PrepareDatabase(ctx, x.r, x.choice.Set, into)
	return err
}

func (x *restoration) healthy(ctx context.Context) error { return waitHealthy(ctx, x.site) }

func (x *restoration) run(ctx context.Context) (restored, error) {
	if x.foreign != nil {
		return x.runForeign(ctx)
	}
	if x.logical {
		return x.runLogical(ctx)
	}
	out := restored{RestorePoint: x.choice, Changed: true}
	p := newTransfer(x.env, x.silent)
	recovered, err := x.copy(ctx, p, nil)
	p.finish()
	if err != nil {
		return out, fault.Wrap(fault.Failed, err, "correct the cause, or choose an older set; the live data was not touched", "restoring the database")
	}
	out.Recovered = recovered
	if x.isNew {
		if err := x.install(ctx); err != nil {
			return out, err
		}
	}
	if out.Pictures, err = x.pictures(ctx, p); err != nil {
		return out, err
	}
	if err := x.swap.Swap(ctx, filepath.Join(x.swap.Next(), "database"), x.what()); err != nil {
		return out, err
	}
	if err := os.RemoveAll(x.swap.Next()); err != nil {
		return out, err
	}
	out.Missing = x.missing
	return out, x.finish(ctx)
}

// copy makes the recovered copy beside the live data, and hands it, running, to
// use.
func (x *restoration) copy(ctx context.Context, p *transfer, use func(context.Context, *pgcluster.Scratch) error) (backup.Recovered, error) {
	next := x.plan.Into
	account, err := credential(postgresAccount)
	if err != nil {
		return backup.Recovered{}, err
	}
	if err := os.MkdirAll(filepath.Dir(next), 0o700); err != nil {
		return backup.Recovered{}, err
	}
	if account != nil {
		if err := os.Chown(filepath.Dir(next), int(account.Uid), int(account.Gid)); err != nil {
			return backup.Recovered{}, err
		}
	}
	if err := backup.Restore(ctx, x.r, x.plan, p.report); err != nil {
		return backup.Recovered{}, err
	}
	p.finish()
	// The copy's parent is root's so far; the server has to pass it.
	if account != nil {
		if err := os.Chown(next, int(account.Uid), int(account.Gid)); err != nil {
			return backup.Recovered{}, err
		}
	}
	x.say("check every file and replay the WAL")
	recovery := backup.Recovery{RestorePoint: x.choice, Server: x.server, Data: filepath.Join(next, "database"), Dir: filepath.Join(next, "run"),
		Account: account, Durable: x.foreign == nil, Fetch: fetchCommand}
	return recovery.Run(ctx, func(ctx context.Context, s *pgcluster.Scratch) error {
		var err error
		if x.missing, err = backup.Missing(ctx, s, x.choice, x.r, x.a); err != nil || use == nil {
			return err
		}
		return use(ctx, s)
	})
}

// finish brings up everything, and starts the backups of the new timeline.
func (x *restoration) finish(ctx context.Context) error {
	p := newProgress(x.env, x.silent)
	_, err := x.converger(p).Apply(ctx)
	p.finish()
	if err == nil {
		err = x.firstSet()
	}
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark apply'", "the data is restored, but not everything runs")
	}
	if x.isNew {
		return setup.Finish(x.v.dirs)
	}
	return nil
}
