package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

// customer is the customer's database. On a new machine it may have outlived the
// old one; then it stays as it is. Where BugSpark runs, what it holds is replaced
// and kept.
type customer struct {
	plan     *Plan
	logical  bool
	server   customerDatabase
	replacer *exchange.Replacer
	recovery recovery
}

// customerDatabase is the customer's database as a restore finds it.
type customerDatabase struct {
	backup.CustomerServer
	migration int    // 0: it is empty
	name      string // which one it is
}

func (d *customerDatabase) empty() bool { return d.migration == 0 }

// look finds out what the database holds, and which one it is.
func (d *customerDatabase) look(ctx context.Context) (err error) {
	if d.migration, err = d.Migration(ctx); err != nil {
		return err
	}
	d.name, err = d.Address()
	return err
}

func (c *customer) prepare(ctx context.Context, q Request) error {
	p := c.plan
	var err error
	if c.server.CustomerServer, err = p.customerServer(); err != nil {
		return err
	}
	if err := c.server.look(ctx); err != nil {
		return fault.Wrap(fault.Preflight, err, "make the database that the credential database-dsn names, or correct it", "the database is yours, and does not answer")
	}
	switch p.Database = disposition(c.server.empty(), p.NewMachine); p.Database {
	case Keep:
		return nil
	case Replace:
		if err := c.replaceable(ctx, q); err != nil {
			return err
		}
	}
	needs, err := c.needs(ctx)
	if err != nil {
		return err
	}
	if !c.physical() {
		return backup.CheckRoom(p.r.live(), needs)
	}
	return c.prepareRecovery(ctx, q.DryRun, needs)
}

// disposition is what happens to a customer's database.
func disposition(empty, newMachine bool) Disposition {
	switch {
	case empty:
		return Load
	case newMachine:
		return Keep
	}
	return Replace
}

// replaceable refuses what must not be replaced unasked, or cannot be.
func (c *customer) replaceable(ctx context.Context, q Request) error {
	p := c.plan
	d := p.Point.Document
	if q.Set == backup.Latest && !d.Physical() {
		return fault.New(fault.Preflight, "bugspark restore --set "+p.Point.Set+", if that is what you want",
			"the database is yours and holds data that is newer than the newest set")
	}
	c.replacer = p.r.replacer(p.machine, &c.server)
	if err := c.replacer.Ready(ctx); err != nil {
		return err
	}
	if c.server.Namespace != d.Database.Namespace {
		return fault.New(fault.Preflight, "let the credential database-dsn lead to an empty database, or to the schema of the set",
			"the set is of the schema %s, and your database has our tables in %s", d.Database.Namespace, c.server.Namespace)
	}
	// What is not ours would go back in time as well.
	others, err := c.server.OtherTables(ctx, p.r.Tables)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return fault.New(fault.Preflight, "bugspark restore --set SET --into DIR, and choose there; or let the credential database-dsn lead to an empty database",
			"the schema %s holds tables that are not ours (%s), and a restore would take them back as well", d.Database.Namespace, strings.Join(others, ", "))
	}
	if !d.Physical() {
		return sameMigration(c.server.migration, d.Database.Schema)
	}
	return nil
}

// sameMigration refuses to replace tables of one version by those of another:
// what only one of them has would be left over.
func sameMigration(present, set int) error {
	if present == 0 || present == set {
		return nil
	}
	return fault.New(fault.Preflight, "make an empty database, name it in the credential database-dsn, and run the same command again",
		"the set has the tables of another version (migration %d), and your database holds data (migration %d)", set, present)
}

// needs is the room for what comes beside the database: pictures, and what the
// database holds, which is kept here as text.
func (c *customer) needs(ctx context.Context) ([]backup.Need, error) {
	p := c.plan
	needs := p.pictureNeeds(ctx)
	if p.Database != Replace {
		return needs, nil
	}
	tables, err := c.server.TableBytes(ctx)
	if err != nil {
		return nil, err
	}
	// Binary columns take twice as much there.
	return append(needs, backup.Need{What: "what your database holds", Path: filepath.Join(p.r.Dirs.State, "setup"), Bytes: 2 * tables}), nil
}

// prepareRecovery makes room for a copy of the whole server.
func (c *customer) prepareRecovery(ctx context.Context, dryRun bool, needs []backup.Need) error {
	p := c.plan
	c.recovery = recovery{plan: p}
	var err error
	if _, err = p.r.Jobs.Programs.ServerOf(ctx, p.Point.Document.Database.Major); err != nil {
		return err
	}
	into := filepath.Join(p.r.Dirs.State, "restore", "next")
	if dryRun {
		into += ".planned"
	} else if err := os.RemoveAll(into); err != nil {
		return err
	}
	c.recovery.copy, err = backup.PrepareDatabase(ctx, p.r.Session.Repository, p.Point, into, p.r.live(), needs...)
	p.Bytes, p.Free = c.recovery.copy.Bytes, c.recovery.copy.Free
	return err
}

// physical tells whether the database comes from a copy of a whole server.
func (c *customer) physical() bool { return c.plan.Point.Document.Physical() && !c.logical }

// customerServer is the customer's database, of which a new machine knows by the
// set.
func (p *Plan) customerServer() (backup.CustomerServer, error) {
	if p.NewMachine {
		return p.r.Jobs.NewCustomerServer(strings.TrimSpace(string(p.files["credentials/database-dsn"]))), nil
	}
	dsn, err := config.ReadCredential(p.r.Lookup, p.r.Dirs, "database-dsn")
	return p.r.Jobs.NewCustomerServer(dsn), err
}

// replacer brings data into the customer's database of a running machine.
func (r *Restorer) replacer(m Machine, d *customerDatabase) *exchange.Replacer {
	return &exchange.Replacer{
		Units: m, Users: r.Units.Writers, Dir: filepath.Join(r.Dirs.State, "setup"),
		Place:   fmt.Sprintf("the schema %s (migration %d) of the database %s", d.Namespace, d.migration, d.name),
		Healthy: m.Healthy, Report: r.Reporter.Step, Dump: d.Dump, Mark: d.Mark,
		Load: func(ctx context.Context, dump io.Reader, mark string) error {
			return d.Load(ctx, dump, d.Namespace, mark)
		},
	}
}

// run brings back configuration and pictures, and the database unless it stays
// as it is.
func (c *customer) run(ctx context.Context, out *Result) error {
	p := c.plan
	bring := func(ctx context.Context, dump io.Reader) error {
		if p.NewMachine {
			if err := p.install(ctx); err != nil {
				return err
			}
		}
		// No row may name a picture that is not there.
		var err error
		if out.Pictures, err = p.pictures(ctx); err != nil {
			return err
		}
		return c.fill(ctx, dump)
	}
	var err error
	switch {
	case p.Database == Keep:
		err = bring(ctx, nil)
		if err == nil {
			// What a restore of the old machine has kept went with that machine.
			err = c.server.Unmark(ctx)
		}
	case c.physical():
		out.Recovered, err = c.recovery.run(ctx, func(ctx context.Context, s *scratch.Client) error { return c.extract(ctx, s, bring) })
		err = errors.Join(err, os.RemoveAll(filepath.Dir(c.recovery.copy.Into)))
	default:
		err = backup.ReadLogicalCopy(ctx, p.r.Session.Repository, p.Point.Set, p.r.Reporter.Progress, bring)
	}
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "restoring")
	}
	out.Rows, err = c.server.Rows(ctx)
	return err
}

// extract dumps our tables out of the recovered copy of the customer's server.
func (c *customer) extract(ctx context.Context, s *scratch.Client, bring func(context.Context, io.Reader) error) error {
	migration, err := backup.Migration(ctx, c.server.Product, s)
	if err != nil {
		return err
	}
	if err := sameMigration(c.server.migration, migration); err != nil {
		return err
	}
	dump, err := s.Dump(ctx)
	if err != nil {
		return err
	}
	defer dump.Close()
	return bring(ctx, dump)
}

// fill brings a dump into the customer's database.
func (c *customer) fill(ctx context.Context, dump io.Reader) error {
	switch c.plan.Database {
	case Keep:
		return nil
	case Load:
		c.plan.step("load it into your database")
		return c.server.Load(ctx, dump, c.plan.Point.Document.Database.Namespace, "")
	}
	return c.replacer.Replace(ctx, dump, c.plan.what())
}
