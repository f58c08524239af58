package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
)

// RestoreRequest asks for one set as it is, for the state of a moment, or for the
// newest state.
type RestoreRequest struct {
	Set  string    // id of a set, which is restored as it is; or Latest
	Time time.Time // zero with Set
	// Through is until when everything is known to be in the archive, as the machine of
	// the server knows; zero for who only sees the archive.
	Through time.Time
	// Shipped is how far that machine has brought the archive.
	Shipped archive.State
}

// ErrNoSets is the error of a target on which there is no set.
var ErrNoSets = errors.New("there is no set yet")

// Latest in RestoreRequest.Set asks for the newest set and all WAL after it.
const Latest = "latest"

// RestorePoint is the set that a restore begins with, and how far WAL is replayed
// from there.
type RestorePoint struct {
	Set      string    `json:"set"`
	Document Document  `json:"document"`
	Time     time.Time `json:"time,omitzero"` // replay stops here; zero: at the end of the WAL
	Replay   bool      `json:"replay"`        // the archived WAL is replayed
	// Later is the first set after Time. It has the pictures between the set and Time.
	Later    string              `json:"later_set,omitempty"`
	Coverage archive.WALCoverage `json:"reach,omitzero"`            // of the WAL from the set on
	Through  time.Time           `json:"archived_through,omitzero"` // of the request
	// Abandoned is when a restore or its undo ended the timeline that this leads to; zero
	// for the one that the server is on.
	Abandoned time.Time `json:"abandoned,omitzero"`
	// Behind tells that nothing leads to the timeline that the server is on: what came
	// back is the end of another one.
	Behind  bool         `json:"behind,omitempty"`
	stay    archive.Stay // that the WAL leads to
	known   time.Time    // until when the state of the server is known
	shipped archive.State
	short   string    // the archive lacks what was shipped to it
	before  bool      // the moment is older than what the archive tells of the server
	ended   time.Time // of the set
	wal     *archive.WAL
}

// Choose finds the set for a request, and proves that the WAL covers the way from it
// to the requested moment.
func Choose(ctx context.Context, r *repository.Repository, a *archive.Archive, w RestoreRequest) (RestorePoint, error) {
	c := RestorePoint{Time: w.Time, Through: w.Through, shipped: w.Shipped}
	if w.Time.IsZero() && w.Set != Latest {
		var err error
		c.Set = w.Set
		if c.Document, err = Read(ctx, r, w.Set); err == nil && c.Document.Physical() {
			// Its recovery replays none of it, but takes a timeline that nothing else has.
			c.wal, err = a.WAL(ctx, c.Document.Database.SystemIdentifier)
		}
		return c, err
	}
	sets, err := r.Sets(ctx)
	if err != nil {
		return c, err
	}
	if len(sets) == 0 {
		return c, ErrNoSets
	}
	before := sets
	if !w.Time.IsZero() {
		n := slices.IndexFunc(sets, func(s repository.Set) bool { return !s.EndedAt.After(w.Time) })
		if n < 0 {
			first, _ := archive.Moments{From: sets[len(sets)-1].EndedAt}.Seconds()
			return c, fault.New(fault.Preflight, "bugspark restore --list", "nothing before %s can be brought back, when the oldest set was complete", first.Local().Format(time.DateTime))
		}
		if before = sets[n:]; n > 0 {
			c.Later = sets[n-1].ID
		}
	}
	newest, err := Read(ctx, r, before[0].ID)
	if err != nil {
		return c, err
	}
	if !newest.Physical() {
		c.Set, c.ended, c.Document = before[0].ID, before[0].EndedAt, newest
		if !w.Time.IsZero() {
			return c, fault.New(fault.Preflight, "bugspark restore --set "+c.Set+", or the backups of the database server itself",
				"the sets have logical copies of your database, and none of the moments between them")
		}
		return c, nil
	}
	c.Replay = true
	if c.wal, err = a.WAL(ctx, newest.Database.SystemIdentifier); err != nil {
		return c, err
	}
	if err := c.wal.Unread(); err != nil {
		return c, fault.Wrap(fault.Preflight, err, "bugspark restore --set "+before[0].ID+", which brings back that set as it is; or take the second target: --copy; a file that was put there by others can be removed",
			"which state is the newest is not known")
	}
	c.aim(uint32(newest.Database.Timeline))
	if c.before {
		return c, fault.New(fault.Preflight, "bugspark restore --list, which names the moments that can be brought back",
			"where the server was at %s is not known: the archive tells of it from %s on", c.Time.Local().Format(time.DateTime), c.stay.Since.Local().Format(time.DateTime))
	}
	return c, c.begin(ctx, r, before)
}

// aim finds the timeline that the server was on at the requested moment, or is on.
func (c *RestorePoint) aim(ofSet uint32) {
	if c.stay = c.wal.Last(); !c.Time.IsZero() {
		c.stay = c.wal.Stay(c.Time)
		c.Abandoned = c.stay.Ended
		c.before = c.stay.Timeline > 1 && c.Time.Before(c.stay.Since)
	}
	// No WAL was archived yet, or of that timeline: a newer set counts more.
	if c.stay.Timeline == 0 || c.Time.IsZero() && ofSet > c.stay.Timeline {
		c.stay = archive.Stay{Timeline: ofSet}
	}
}

// begin chooses the newest of the sets, which are newest first, that leads to the
// timeline and from which the WAL reaches as far as was asked.
func (c *RestorePoint) begin(ctx context.Context, r *repository.Repository, sets []repository.Set) error {
	system := ""
	var refused error
	for _, s := range sets {
		d, err := Read(ctx, r, s.ID)
		if err != nil {
			return err
		}
		if system == "" {
			system = d.Database.SystemIdentifier
		}
		if !d.Physical() || d.Database.SystemIdentifier != system {
			continue
		}
		leads, err := c.follow(ctx, s, d)
		if err != nil {
			return err
		}
		if !leads {
			continue
		}
		if refused = c.reaches(); refused == nil {
			return nil
		}
		if c.Time.IsZero() {
			return refused // an older set brings back no more
		}
	}
	switch {
	case refused != nil:
		return refused
	case !c.Time.IsZero():
		return c.unreachable()
	}
	// The timeline began from a set that is gone, and has none of its own yet. The newest
	// set and its own timeline are the best that there is, but not the newest state.
	d, err := Read(ctx, r, sets[0].ID)
	if err != nil {
		return err
	}
	c.Behind, c.stay = true, archive.Stay{Timeline: uint32(d.Database.Timeline)}
	_, err = c.follow(ctx, sets[0], d)
	return err
}

// follow finds out whether WAL leads from a set to the timeline, and how far.
func (c *RestorePoint) follow(ctx context.Context, s repository.Set, d Document) (leads bool, err error) {
	stop, err := archive.ParseLSN(d.Database.Stop)
	if err != nil {
		return false, err
	}
	timeline := uint32(d.Database.Timeline)
	if leads, err = c.wal.Leads(ctx, timeline, stop, c.stay.Timeline); err != nil || !leads {
		return false, err
	}
	c.Set, c.ended, c.Document = s.ID, s.EndedAt, d
	c.wal.BeginWith(archive.Base{Set: s.ID, Timeline: timeline, Stop: stop})
	if err = c.measure(ctx, timeline, stop); err == nil && (c.Coverage.Gap != "" || c.short != "") {
		// The archive may have been listed while the shipper wrote to it.
		if err = c.wal.Refresh(ctx); err == nil {
			err = c.measure(ctx, timeline, stop)
		}
	}
	return true, err
}

// measure finds out how far the WAL leads. What this machine says of the archive counts
// only while the archive has what this machine has brought there.
func (c *RestorePoint) measure(ctx context.Context, timeline uint32, stop archive.LSN) (err error) {
	if c.Coverage, c.known, err = c.wal.Reach(ctx, timeline, stop, c.stay, c.Through); err != nil {
		return err
	}
	c.short = ""
	shipped, unknown := archive.ParseLSN(c.shipped.Shipped)
	last := c.stay.Ended.IsZero()
	if unknown == nil && last && (c.shipped.Timeline > c.stay.Timeline || c.shipped.Timeline == c.stay.Timeline && c.Coverage.End < shipped) {
		c.short = fmt.Sprintf("WAL was archived until %s on timeline %d, and the target has it until %s on timeline %d", shipped, c.shipped.Timeline, c.Coverage.End, c.stay.Timeline)
		c.known = c.Coverage.Until
	}
	return nil
}

// reaches fails when the state of the requested moment is not known.
func (c *RestorePoint) reaches() error {
	if c.Time.IsZero() && c.short != "" && c.Coverage.Gap == "" {
		return fault.New(fault.Preflight, "bugspark backup verify; where there is a second target: bugspark restore --copy --set "+Latest+"; or --time, for what is there",
			"the newest state is not on the target: %s", c.short)
	}
	if c.Time.IsZero() || !c.known.Before(c.Time) {
		return nil
	}
	until := c.ended
	if c.known.After(until) {
		until = c.known
	}
	why, next := "what came later is not in the archive yet", "wait a moment and try again, choose an earlier --time, or --set "+Latest
	switch {
	case c.short != "":
		why = c.short
	case c.Coverage.Gap != "":
		why, next = fmt.Sprintf("WAL segment %s is missing from the archive", c.Coverage.Gap), "choose an earlier --time, or --set "+Latest
	case !c.Abandoned.IsZero():
		why, next = fmt.Sprintf("what came later, until a restore ended that time at %s, is not in the archive", c.Abandoned.Local().Format(time.DateTime)),
			"bugspark restore --list, which names the moments that can be brought back"
	}
	return fault.New(fault.Preflight, next, "%s cannot be reached: from set %s on, the state until %s can be brought back; %s",
		c.Time.Local().Format(time.DateTime), c.Set, until.Local().Format(time.DateTime), why)
}

// unreachable explains why no set leads to the requested moment.
func (c *RestorePoint) unreachable() error {
	if c.Abandoned.IsZero() {
		return fault.New(fault.Preflight, "bugspark restore --list, and choose a moment after one of its sets", "no set from before %s leads to it", c.Time.Local().Format(time.DateTime))
	}
	return fault.New(fault.Preflight, "bugspark restore --list, which names the moments that can be brought back",
		"%s lies in a time that a restore ended at %s, and the sets that lead there are gone", c.Time.Local().Format(time.DateTime), c.Abandoned.Local().Format(time.DateTime))
}
