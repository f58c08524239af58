package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/exchange"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// managed is our own database: a recovered copy of the cluster takes the place of
// the live one.
type managed struct {
	plan     *Plan
	exchange *exchange.Exchanger
	recovery recovery
}

func (m *managed) prepare(ctx context.Context, q Request) error {
	p := m.plan
	p.Database = Exchange
	m.exchange = p.r.exchanger(p.machine)
	if err := p.ready(m.exchange); err != nil {
		return err
	}
	m.recovery = recovery{plan: p, durable: true, live: m.exchange.Live()}
	var err error
	if _, err = p.r.Jobs.Programs.ServerOf(ctx, p.Point.Document.Database.Major); err != nil {
		return p.offerLogical(ctx, err)
	}
	into := m.exchange.Next()
	if q.DryRun {
		into += ".planned" // the other may be in use
	} else if err := m.exchange.Clear(); err != nil {
		return err
	}
	m.recovery.copy, err = backup.PrepareDatabase(ctx, p.r.Session.Repository, p.Point, into, p.r.live(), p.pictureNeeds(ctx)...)
	p.Bytes, p.Free = m.recovery.copy.Bytes, m.recovery.copy.Free
	return err
}

// offerLogical names the other way when the set's major version of PostgreSQL is
// not installed. It is older than what a replay of WAL brings back, so it is not
// taken unasked.
func (p *Plan) offerLogical(ctx context.Context, refused error) error {
	l, err := backup.LastLogicalCopy(ctx, p.r.Session.Repository)
	if err != nil || l.ID == "" || !p.NewMachine {
		return refused
	}
	if _, err := p.r.Jobs.Programs.ServerAtLeast(ctx, l.Database.Major); err != nil {
		return refused
	}
	return fault.Wrap(fault.Preflight, refused, "install it; or add --logical, which brings back the state of "+l.CreatedAt.Local().Format(time.DateTime)+" onto the version that is installed",
		"replaying WAL needs the same major version")
}

func (m *managed) run(ctx context.Context, out *Result) error {
	p := m.plan
	var err error
	// Without data in place nothing will wait, and the set may be of a time when it did.
	_, err = os.Stat(m.exchange.Live())
	waits := !errors.Is(err, fs.ErrNotExist) && !p.again()
	out.Recovered, err = m.recovery.run(ctx, func(ctx context.Context, s *scratch.Client) error { return s.MarkWaiting(ctx, waits) })
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause, or choose an older set; the live data was not touched", "restoring the database")
	}
	if p.NewMachine {
		if err := p.install(ctx); err != nil {
			return err
		}
		// Nothing answers yet: what finishes the restore starts the rest, and proves that it
		// does. Data that was there before any attempt is kept until somebody confirms.
		m.exchange.Healthy = func(context.Context) error { return nil }
	}
	// No row may name a picture that is not there.
	err = m.recovery.guard(ctx, func(ctx context.Context) (err error) {
		out.Pictures, err = p.pictures(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := m.exchange.Swap(ctx, filepath.Join(m.exchange.Next(), "database"), p.what()); err != nil {
		return err
	}
	if p.again() {
		return m.exchange.Clear()
	}
	return os.RemoveAll(m.exchange.Next())
}

// again tells whether the data in place is that of an attempt before to restore this
// machine, which had none. Nobody needs it, and nothing waits for it to be confirmed.
func (p *Plan) again() bool {
	r, under, err := setup.ReadRestoring(p.r.Dirs)
	return p.NewMachine && err == nil && under && r.Empty
}

// ready wants no restore that waits, but for an attempt before.
func (p *Plan) ready(e *exchange.Exchanger) error {
	if _, _, err := e.Pending(); err == nil && p.again() {
		return nil
	}
	return e.Ready()
}

// exchanger exchanges the data of our own cluster.
func (r *Restorer) exchanger(m Machine) *exchange.Exchanger {
	return &exchange.Exchanger{
		Units: m, Users: r.Units.Users, Dir: filepath.Join(r.Dirs.State, "postgres"), Memory: filepath.Join(r.Dirs.State, "setup", "restore.json"),
		Report: r.Reporter.Step, Healthy: m.Healthy, StartNewTimeline: r.startNewTimeline, Leaving: 30 * time.Second,
	}
}

// startNewTimeline moves data that was put aside to a timeline beyond every one that
// this machine knows of. The archive knows of no others: the data in place got a larger
// number than any in the archive, which only this machine has written to since.
func (r *Restorer) startNewTimeline(ctx context.Context, data, other string) (err error) {
	postgres, err := account.Lookup(account.Postgres)
	if err != nil {
		return err
	}
	major, err := majorOf(data)
	if err != nil {
		return err
	}
	if _, err = r.Jobs.Programs.ServerOf(ctx, major); err != nil {
		return err
	}
	beyond, err := r.largestTimeline("", data, other)
	if err != nil {
		return err
	}
	s, err := r.begin(ctx, scratch.Place{Data: data, Dir: filepath.Join(filepath.Dir(data), "run"), Durable: true}, postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Major = major
	return s.StartNewTimeline(ctx, beyond)
}

// largestTimeline is the largest timeline in data directories and, of one cluster, in
// the spool.
func (r *Restorer) largestTimeline(system string, directories ...string) (uint32, error) {
	largest, err := r.Jobs.LargestTimeline(system)
	for _, dir := range directories {
		n, looking := pgcluster.LargestTimeline(dir)
		largest, err = max(largest, n), errors.Join(err, looking)
	}
	return largest, err
}

// majorOf is the major version of the server that made a data directory.
func majorOf(data string) (int, error) {
	text, err := durable.ReadBelow(filepath.Dir(data), filepath.Join(filepath.Base(data), "PG_VERSION"), pgcluster.MaxVersionFile)
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("the file PG_VERSION in %s holds no version", data) // whatever it holds
	}
	return major, nil
}
