package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/config"
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
	choice  backup.Choice
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
	backup.Choice
	backup.Recovered
	Pictures backup.Returned `json:"pictures"`
	Missing  []string        `json:"missing_pictures,omitempty"`
	Seconds  float64         `json:"seconds"`
	Changed  bool            `json:"changed"`
}

func restoreLive(ctx context.Context, env Env, v *vault, r *repository.Repository, w backup.Wish, o restoreOptions) error {
	began := time.Now()
	x, err := prepareRestoration(ctx, env, v, r, w, o)
	if err != nil {
		return noSet(err)
	}
	defer x.Close()
	if !o.json {
		x.describe()
	}
	if o.dryRun {
		if o.json {
			return json.NewEncoder(env.Stdout).Encode(restored{Choice: x.choice})
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
func prepareRestoration(ctx context.Context, env Env, v *vault, r *repository.Repository, w backup.Wish, o restoreOptions) (*restoration, error) {
	if err := setup.RootCheck().Run(ctx); err != nil {
		return nil, err
	}
	x := &restoration{env: env, v: v, r: r, silent: o.json, logical: o.logical}
	var err error
	if x.a, err = v.archive(); err != nil {
		return nil, err
	}
	if o.logical {
		x.choice, err = backup.ChooseLogical(ctx, r)
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
	if x.isNew { // its secrets come with the set
		checks = slices.DeleteFunc(checks, func(c setup.Check) bool {
			return slices.Contains([]string{"secrets", "backup-target", "replication"}, c.ID)
		})
	}
	if _, err := setup.Preflight(ctx, checks); err != nil {
		return err
	}
	if foreign := x.choice.Document.Foreign(); foreign == (x.v.cfg.Database.Mode == "managed") {
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

func (x *restoration) exchanger(d config.Dirs) *exchange.Exchanger {
	return &exchange.Exchanger{
		Units: x, Dir: filepath.Join(d.State, "postgres"), Memory: filepath.Join(d.State, "setup", "restore.json"),
		Report: x.say, Healthy: x.healthy, Fork: x.fork,
		Users: []string{"bugspark-postgres.service", "bugspark-migrate.service", "bugspark-api.service"},
	}
}

// fork moves data that was put aside to a timeline of its own.
func (x *restoration) fork(ctx context.Context, data, other string) (err error) {
	account, err := credential(postgresAccount)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		return err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("reading the version of %s: %w", data, err)
	}
	finder := pgcluster.New(pgcluster.Options{StateDir: filepath.Dir(data), Root: os.DirFS("/"), Lookup: x.env.Lookup, Run: pgcluster.Exec})
	s := &pgcluster.Scratch{DataDir: data, Dir: filepath.Join(filepath.Dir(data), "run"), Account: account, Careful: true}
	if s.Server, err = finder.Major(ctx, major); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(s.Dir), os.Mkdir(s.Dir, 0o700)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	if account != nil {
		if err := os.Chown(s.Dir, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	return s.Fork(ctx, filepath.Join(other, "pg_wal"))
}

func (x *restoration) healthy(ctx context.Context) error { return waitHealthy(ctx, x.site) }

func (x *restoration) say(what string) {
	if !x.silent {
		fmt.Fprintf(x.env.Stderr, "  %s\n", what)
	}
}

// describe tells what will happen, and how far back it goes.
func (x *restoration) describe() {
	c, out := x.choice, x.env.Stdout
	fmt.Fprintf(out, "From set    %s, taken %s on %s\n", c.Set, c.Document.CreatedAt.Local().Format(time.DateTime), c.Document.Host)
	switch {
	case x.foreign != nil && x.foreign.keeps:
		fmt.Fprintf(out, "the database is yours and holds data: it stays as it is\n")
	case !c.Time.IsZero():
		fmt.Fprintf(out, "up to       %s, by the archived WAL\n", c.Time.Local().Format("2006-01-02 15:04:05.999 MST"))
	case c.Replay && c.Reach.Until.IsZero():
		fmt.Fprintf(out, "up to       the set itself: no WAL was archived after it\n")
	case c.Replay:
		fmt.Fprintf(out, "up to       %s (WAL %s), the newest that is archived\n", c.Reach.Until.Local().Format(time.DateTime), c.Reach.LSN)
	default:
		fmt.Fprintf(out, "up to       the set itself\n")
	}
	if c.Reach.Gap != "" {
		fmt.Fprintf(out, "!           WAL segment %s is missing; what came after it is lost\n", c.Reach.Gap)
	}
	if f := x.foreign; f != nil && f.empty() {
		fmt.Fprintf(out, "into        your database, which is empty\n")
	} else if f != nil && !f.keeps {
		fmt.Fprintf(out, "into        your database, in the place of our tables there; what they hold is kept here\n")
	}
	free := ""
	if x.plan.Free > 0 {
		free = "; " + size(x.plan.Free) + " free"
	}
	fmt.Fprintf(out, "database    %s, %d reports in the set%s\n", size(c.Document.Database.Bytes), c.Document.Database.Rows["reports"], free)
	fmt.Fprintf(out, "pictures    %d of %s, where they are not there already\n", c.Document.Objects.Count, size(c.Document.Objects.Bytes))
	fmt.Fprintf(out, "time        %s\n", x.estimate())
	if x.isNew {
		fmt.Fprintf(out, "and the configuration and secrets of %s: nothing is set up here\n", x.v.cfg.Server.Name)
	}
}

// restoreRate is what a restore writes a second on a slow disk, at least.
const restoreRate = 50 << 20

// estimate is how long it will take: as long as the last drill, which does the
// same, or by the size where none was held.
func (x *restoration) estimate() string {
	memory, err := readMemory(x.v.dirs)
	if err == nil && memory.Drill.Passed {
		return "about " + rough(time.Duration(memory.Drill.Took*float64(time.Second))) + ", as the last drill"
	}
	bytes := x.plan.Bytes
	if x.isNew {
		bytes += x.choice.Document.Objects.Bytes
	}
	return fmt.Sprintf("about %s, at %s/s", rough(time.Duration(bytes/restoreRate+10)*time.Second), size(restoreRate))
}

// ask wants a word before live data is put aside.
func (x *restoration) ask(yes bool) error {
	if yes || x.isNew {
		return nil
	}
	if f, ok := x.env.Stdin.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return fault.New(fault.Usage, "add --yes", "the live data would be put aside, and nobody is there to be asked")
	}
	fmt.Fprint(x.env.Stdout, "\nThe live data is put aside and can be brought back until you confirm.\nType restore to go on: ")
	line, err := bufio.NewReader(x.env.Stdin).ReadString('\n')
	if strings.TrimSpace(line) != "restore" {
		return fault.Wrap(fault.Usage, errors.Join(errors.New("nothing was changed"), ignoreEOF(err)), "", "not confirmed")
	}
	return nil
}

func ignoreEOF(err error) error {
	if err == nil || err.Error() == "EOF" {
		return nil
	}
	return err
}

func (x *restoration) run(ctx context.Context) (restored, error) {
	if x.logical {
		return x.runLogical(ctx)
	}
	if x.foreign != nil {
		return x.runForeign(ctx)
	}
	out := restored{Choice: x.choice, Changed: true}
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
	fetch, err := fetchCommand()
	if err != nil {
		return backup.Recovered{}, err
	}
	x.say("check every file and replay the WAL")
	recovery := backup.Recovery{Choice: x.choice, Server: x.server, Data: filepath.Join(next, "database"), Dir: filepath.Join(next, "run"),
		Account: account, Careful: true, Fetch: fetch}
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

func (x *restoration) tell(out restored) {
	w := x.env.Stdout
	fmt.Fprintf(w, "\nRestored in %.1f s: %d reports, %d projects, %d accounts; %d pictures brought back, %d were there.\n",
		out.Seconds, out.Rows["reports"], out.Rows["projects"], out.Rows["accounts"], out.Pictures.Put, out.Pictures.Present)
	if !out.Beat.IsZero() {
		fmt.Fprintf(w, "The newest sign of life in it is of %s.\n", out.Beat.Local().Format(time.DateTime))
	}
	if len(out.Missing) > 0 {
		fmt.Fprintf(w, "! %d pictures that the database names are in no backup, such as %s\n", len(out.Missing), out.Missing[0])
	}
	if x.isNew {
		fmt.Fprintf(w, "BugSpark runs at %s\n", x.v.cfg.Server.PublicURL())
		return
	}
	if x.foreign != nil && x.foreign.empty() {
		return
	}
	fmt.Fprint(w, "The data from before is kept. Next: look around, then\n  bugspark restore confirm   to give it up, or\n  bugspark restore undo      to bring it back\n")
}

func newRestoreEnd(env Env, use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		m, err := openConfigured(cmd.Context(), env)
		if err != nil {
			return err
		}
		defer m.Close()
		if err := setup.RootCheck().Run(cmd.Context()); err != nil {
			return err
		}
		x := &restoration{machine: m, env: env}
		dirs := m.site.Dirs
		// A set that is being taken would fail when the database stops.
		unlock, err := (&vault{env: env, dirs: dirs}).alone(true)
		if err != nil {
			return err
		}
		defer unlock()
		way, err := x.wayBack(cmd.Context())
		if err != nil {
			return err
		}
		if use == "confirm" {
			return way.Confirm()
		}
		if err := way.Undo(cmd.Context()); err != nil {
			return err
		}
		return x.healthy(cmd.Context())
	}}
}

// wayBack is how the last restore is confirmed or undone.
func (x *restoration) wayBack(ctx context.Context) (interface {
	Confirm() error
	Undo(context.Context) error
}, error) {
	if x.site.Config.Database.Mode == "managed" {
		return x.exchanger(x.site.Dirs), nil
	}
	f, err := ownForeign(x.env, x.site.Dirs, x.site.Config)
	if err == nil {
		_, err = f.Migration(ctx) // and of which version it is
	}
	return x.replacer(f), err
}

// newConfig is the configuration of the set, for a machine without one.
func (x *restoration) newConfig() (config.Config, error) {
	data, ok := x.files["bugspark.yaml"]
	if !ok {
		return config.Config{}, fault.New(fault.Preflight, "run 'bugspark setup' first, then restore", "the set holds no configuration, and this machine has none")
	}
	// Backups go on where they were found, even if that was the copy.
	p := x.v.place
	for _, value := range [][2]string{{"target", p.Target}, {"endpoint", p.Endpoint}, {"region", p.Region}, {"host_key", p.HostKey}} {
		if value[1] == "" {
			continue
		}
		changed, err := setup.SetValue(data, "backup", value[0], value[1])
		if err != nil {
			return config.Config{}, err
		}
		data = changed
	}
	if p.copy {
		changed, err := setup.RemoveSection(data, "backup", "copy")
		if err != nil {
			return config.Config{}, err
		}
		data = changed
	}
	x.files["bugspark.yaml"] = data
	return config.Parse("bugspark.yaml of the set", data, x.env.Lookup)
}

// install puts configuration and secrets of the set, and the keys of the kit,
// into place, and starts the object store.
func (x *restoration) install(ctx context.Context) error {
	d := x.v.dirs
	x.say("put configuration and secrets into place")
	if err := x.putFiles(); err != nil {
		return err
	}
	if err := x.site.ApplyFiles(ctx); err != nil {
		return err
	}
	if err := x.v.adopted().claim(ctx, d, true); err != nil {
		return fmt.Errorf("taking the backup target over: %w", err)
	}
	if x.v.cfg.Storage.Engine == "minio" {
		x.say("start the object store")
		return x.Start(ctx, "bugspark-minio.service", "bugspark-storage.socket", "bugspark-storage.service")
	}
	return nil
}
