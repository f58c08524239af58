package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Drill restores the newest state into a scratch directory and proves that it can
// be used. It neither changes nor asks anything that runs.
type Drill struct {
	Repository *repository.Repository // opened with an empty cache
	Archive    *archive.Archive
	Product    Product
	Cluster    *pgcluster.Cluster                             // finds the server; its data is left alone
	Restored   func(context.Context) (*scratch.Client, error) // begins the process of the copy
	Data       string                                         // where the process of the copy has its data
	Now        func() time.Time
	// Secrets proves that the secrets of the set are usable.
	Secrets func(files map[string][]byte) error
	// Probe proves that the product can work with the restored database.
	Probe  func(context.Context, *scratch.Client) error
	Report func(Progress)
	// Kept are the sets that this machine remembers, oldest first, and Shipped is how far
	// it has brought the archive; empty where it knows neither. A target that offers less
	// is an older state of itself.
	Kept    []string
	Shipped archive.State
	// MaxLost is how old the newest state may be that the archive brings back; zero is
	// however old.
	MaxLost time.Duration
	// Copy tells that the target is the second one. Nobody ships to it, so that the newest
	// set may be there before the WAL after it.
	Copy bool
}

// DrillReport says what a drill has proven, or why it failed.
type DrillReport struct {
	At       time.Time `json:"at"`
	Set      string    `json:"set"`
	Host     string    `json:"host"`
	Copy     bool      `json:"copy,omitempty"`   // of the second target
	Place    string    `json:"target,omitempty"` // that it was held from
	Passed   bool      `json:"passed"`
	Failures []string  `json:"failures,omitempty"`
	Checks   []string  `json:"checks"` // what was proven, in order
	// Point is the moment before which everything acknowledged was restored.
	Point      time.Time        `json:"recovery_point"`
	Lost       float64          `json:"rpo_seconds"` // between Point and At
	Took       float64          `json:"rto_seconds"`
	Rows       map[string]int64 `json:"rows"`
	Objects    int64            `json:"objects"`
	Bytes      int64            `json:"bytes"`
	LSN        string           `json:"wal_until"`
	Document   Document         `json:"document"`
	Signature  string           `json:"signature,omitempty"` // Ed25519 over this JSON without it
	SigningKey string           `json:"signing_key,omitempty"`
}

// heartbeatSlack is how much older than the archived WAL the heartbeat in it may
// be. WAL is shipped every few seconds and the heartbeat is written every minute.
const heartbeatSlack = 3 * time.Minute

// Run holds the drill. An error that keeps it from its end is a failure as well.
func (d *Drill) Run(ctx context.Context) DrillReport {
	began := d.Now()
	out := DrillReport{At: began.UTC(), Copy: d.Copy, Checks: []string{}}
	err := d.run(ctx, &out)
	if err != nil {
		out.Failures = append(out.Failures, err.Error())
	}
	out.Took = d.Now().Sub(began).Seconds()
	out.Passed = len(out.Failures) == 0
	return out
}

func (d *Drill) run(ctx context.Context, out *DrillReport) error {
	if err := d.compareSets(ctx, out); err != nil {
		return err
	}
	choice, err := d.choose(ctx)
	if err != nil {
		return err
	}
	out.Set, out.Document, out.Host, out.LSN = choice.Set, choice.Document, choice.Document.Host, choice.Coverage.LSN
	if choice.Coverage.Gap != "" {
		out.Failures = append(out.Failures, "the archive lacks WAL segment "+choice.Coverage.Gap)
	}
	d.compare(choice, out)
	plan, err := PrepareDatabase(ctx, d.Repository, choice, d.Data, d.Cluster.StateDir)
	if err != nil {
		return fmt.Errorf("not held: %w", err) // too little room is a failure, never a shorter drill
	}
	return plan.Guard(ctx, func(ctx context.Context) error { return d.restore(ctx, choice, plan, out) })
}

// restore restores into the scratch directory and examines what comes.
func (d *Drill) restore(ctx context.Context, choice RestorePoint, plan Plan, out *DrillReport) (err error) {
	s, err := d.Restored(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if choice.Document.Physical() {
		if err := RestoreDatabase(ctx, d.Repository, plan, s, d.Report); err != nil {
			return err
		}
	}
	out.proven("the set was restored from the target with an empty cache")
	if err := d.secrets(ctx, choice.Set, out); err != nil {
		return err
	}
	objects, err := d.objects(ctx, choice, out)
	if err != nil {
		return err
	}
	if !choice.Document.Physical() {
		return d.logical(ctx, choice, s, objects, out)
	}
	if _, err := d.Cluster.ServerOf(ctx, choice.Document.Database.Major); err != nil {
		return err
	}
	recovery := Recovery{RestorePoint: choice, Product: d.Product, Copy: s}
	recovered, err := recovery.Run(ctx, func(ctx context.Context, s *scratch.Client) error { return d.examine(ctx, s, objects, out) })
	if err != nil {
		return err
	}
	out.Rows, out.Point = recovered.Rows, recovered.Heartbeat
	d.judge(choice, out)
	return nil
}

// compare finds out whether the archive offers less than this machine has put there.
func (d *Drill) compare(c RestorePoint, out *DrillReport) {
	if c.Replay && c.stay.Timeline < d.Shipped.Timeline {
		out.Failures = append(out.Failures, fmt.Sprintf("the archive leads to timeline %d, and this machine ships timeline %d", c.stay.Timeline, d.Shipped.Timeline))
	}
	shipped, err := archive.ParseLSN(d.Shipped.Shipped)
	if err == nil && c.Replay && c.stay.Timeline == d.Shipped.Timeline && c.Coverage.End < shipped {
		out.Failures = append(out.Failures, fmt.Sprintf("WAL was archived until %s, and the archive has it until %s", shipped, c.Coverage.LSN))
	}
}

const (
	// settling is how long the first WAL may take to be archived after a set.
	settling = 30 * time.Second
	// waking is how long a machine that was just started may take to archive again.
	waking = 90 * time.Second
)

// choose waits for the WAL behind a set that is only seconds old, because a drill
// right after a backup must not fail, except of a copy, to which nobody ships; and for new WAL where this machine ships it, since
// the timer may start a drill with the machine.
func (d *Drill) choose(ctx context.Context) (RestorePoint, error) {
	began := d.Now()
	for {
		c, err := Choose(ctx, d.Repository, d.Archive, RestoreRequest{Set: Latest})
		if err != nil || !c.Replay {
			return c, err
		}
		now := d.Now()
		comes := !d.Copy && c.Coverage.Until.IsZero() && now.Sub(c.ended) <= settling
		wakes := d.Shipped.Timeline != 0 && now.Sub(c.Coverage.Until) > heartbeatSlack && now.Sub(began) <= waking
		if !comes && !wakes {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (r *DrillReport) proven(what string) { r.Checks = append(r.Checks, what) }

func (d *Drill) secrets(ctx context.Context, set string, out *DrillReport) error {
	files, err := ConfigFiles(ctx, d.Repository, set)
	if err != nil {
		return err
	}
	if err := d.Secrets(files); err != nil {
		out.Failures = append(out.Failures, err.Error())
		return nil
	}
	out.proven("the secrets of the set can be used")
	return nil
}

// objects reads every picture of the set and of the archive to its end, which
// compares it with its hash.
func (d *Drill) objects(ctx context.Context, c RestorePoint, out *DrillReport) (map[string]bool, error) {
	all := map[string]bool{}
	var mu sync.Mutex
	progress := Progress{Part: objectsPart, Total: c.Document.Objects.Bytes}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(4)
	err := c.pictures(inner, d.Repository, d.Archive, func(p picture) error {
		group.Go(func() error {
			body, err := p.open()
			n := int64(0)
			if err == nil {
				n, err = discard(body)
			}
			if err == nil && p.size >= 0 && n != p.size {
				err = fmt.Errorf("%d bytes instead of %d", n, p.size)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil && inner.Err() == nil {
				out.Failures = append(out.Failures, fmt.Sprintf("picture %s: %v", p.key, err))
				return nil
			}
			all[p.key] = true
			out.Objects++
			out.Bytes += n
			progress.Bytes += n
			d.Report(progress)
			return nil
		})
		return inner.Err()
	})
	if err := errors.Join(group.Wait(), err); err != nil {
		return all, err
	}
	if len(out.Failures) == 0 {
		out.proven(fmt.Sprintf("every picture was read and compared with its hash (%d)", out.Objects))
	}
	return all, nil
}

// logical loads the logical copy of a customer's server into a scratch server of
// ours.
func (d *Drill) logical(ctx context.Context, c RestorePoint, s *scratch.Client, objects map[string]bool, out *DrillReport) (err error) {
	server, err := d.Cluster.ServerAtLeast(ctx, c.Document.Database.Major)
	if err != nil {
		return err
	}
	s.Major, s.Bytes = server.Major, c.Document.Database.Bytes
	if err := s.Initialize(ctx); err != nil {
		return err
	}
	if err := s.Start(ctx, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	err = ReadLogicalCopy(ctx, d.Repository, c.Set, d.Report, func(ctx context.Context, body io.Reader) error {
		return s.Load(ctx, body, c.Document.Database.Namespace)
	})
	if err != nil {
		return err
	}
	out.proven("the logical copy of the database was loaded into an empty server")
	_, out.Rows, err = count(ctx, d.Product, s.OwnerDSN())
	if err != nil {
		return err
	}
	out.Point = c.Document.CreatedAt
	if err := d.examine(ctx, s, objects, out); err != nil {
		return err
	}
	d.judge(c, out)
	return nil
}

// examine checks tables, picture keys and the product in the running copy.
func (d *Drill) examine(ctx context.Context, s *scratch.Client, objects map[string]bool, out *DrillReport) error {
	if out.Document.Physical() {
		out.proven("every file of the database matched its manifest, and the WAL was replayed")
	}
	if err := s.Check(ctx); err != nil {
		out.Failures = append(out.Failures, err.Error())
	} else {
		out.proven(checked(out.Document))
	}
	var missing []string
	named := 0
	err := pictureKeys(ctx, d.Product, s, func(key string) error {
		if named++; !objects[key] && len(missing) < 20 {
			missing = append(missing, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range missing {
		out.Failures = append(out.Failures, "the database names a picture that no backup has: "+key)
	}
	if len(missing) == 0 {
		out.proven(fmt.Sprintf("every picture that the database names is there (%d)", named))
	}
	if err := d.Probe(ctx, s); err != nil {
		out.Failures = append(out.Failures, fmt.Sprintf("the API does not answer from the restored database: %v", err))
	} else {
		out.proven("the API answered from the restored database")
	}
	return nil
}

func checked(d Document) string {
	if d.OfCustomer() && d.Physical() {
		return "tables are consistent (amcheck), and every index could be built anew from them"
	}
	return "tables and indexes are consistent (amcheck)"
}

// judge compares the row counts with those of the set, and the heartbeat with the
// archived WAL.
func (d *Drill) judge(c RestorePoint, out *DrillReport) {
	// Rows may have been deleted since the set, but hardly all of them.
	for table, had := range c.Document.Database.Rows {
		if had > 0 && out.Rows[table] == 0 {
			out.Failures = append(out.Failures, fmt.Sprintf("table %s had %d rows and has none", table, had))
		}
	}
	slices.Sort(out.Failures)
	out.Lost = out.At.Sub(out.Point).Seconds()
	if !c.Document.Physical() {
		return
	}
	if lost := out.At.Sub(out.Point); d.MaxLost > 0 && lost > d.MaxLost {
		out.Failures = append(out.Failures, fmt.Sprintf("the newest state that comes back is %s old, and at most %s may be lost", lost.Round(time.Second), d.MaxLost))
	}
	archived := c.Coverage.Until
	if archived.IsZero() && d.Copy {
		out.proven("the set came back as it is; no WAL from after it was copied yet")
		return
	}
	if archived.IsZero() {
		out.Failures = append(out.Failures, "the archive has no WAL from the set on")
		return
	}
	if out.Point.Before(archived.Add(-heartbeatSlack)) {
		out.Failures = append(out.Failures, fmt.Sprintf("the newest sign of life is of %s, though WAL was archived until %s",
			out.Point.UTC().Format(time.RFC3339), archived.UTC().Format(time.RFC3339)))
	} else {
		out.proven("the newest sign of life is as fresh as the archived WAL")
	}
}
