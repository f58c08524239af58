package backup

import (
	"context"
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
}

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
	Coverage archive.WALCoverage `json:"reach,omitzero"` // of the WAL from the set on
	own      bool                // the set is on a timeline that a restore has abandoned
	ended    time.Time           // when the set was whole
	wal      *archive.WAL
}

// Choose finds the set for a request, and proves that the WAL covers the way from it
// to the requested moment.
func Choose(ctx context.Context, r *repository.Repository, a *archive.Archive, w RestoreRequest) (RestorePoint, error) {
	sets, err := r.Sets(ctx)
	if err != nil {
		return RestorePoint{}, err
	}
	if len(sets) == 0 {
		return RestorePoint{}, fault.New(fault.Failed, "bugspark backup create", "there is no set yet")
	}
	if w.Time.IsZero() && w.Set != Latest {
		d, err := Read(ctx, r, w.Set)
		return RestorePoint{Set: w.Set, Document: d}, err
	}
	c := RestorePoint{Time: w.Time, Replay: true}
	var refused error
	var abandoned *RestorePoint
	for _, s := range sets {
		if !w.Time.IsZero() && s.EndedAt.After(w.Time) {
			c.Later = s.ID
			continue
		}
		c.Set, c.ended = s.ID, s.EndedAt
		if c.Document, err = Read(ctx, r, s.ID); err != nil {
			return c, err
		}
		if !c.Document.Physical() {
			if !w.Time.IsZero() {
				return c, fault.New(fault.Preflight, "bugspark restore --set "+s.ID+", or the backups of the database server itself",
					"the sets have logical copies of your database, and none of the moments between them")
			}
			c.Replay = false
			return c, nil
		}
		refused = c.follow(ctx, a)
		if c.own && refused == nil {
			// A restore has abandoned the timeline of this set. An older set and the WAL
			// since then lead to the last state of the server.
			if abandoned == nil {
				left := c
				abandoned = &left
			}
			continue
		}
		if refused == nil {
			return c, nil
		}
		if w.Time.IsZero() {
			break // an older set would bring back an older state than was asked for
		}
	}
	if abandoned != nil && refused == nil {
		return *abandoned, nil
	}
	if refused != nil {
		return c, refused
	}
	oldest := sets[len(sets)-1].EndedAt
	return c, fault.New(fault.Preflight, "bugspark restore --list", "the oldest set was taken at %s; nothing before it can be brought back", oldest.Local().Format(time.DateTime))
}

// follow finds out how far the WAL reaches from the chosen set.
func (c *RestorePoint) follow(ctx context.Context, a *archive.Archive) error {
	stop, err := archive.ParseLSN(c.Document.Database.Stop)
	if err != nil {
		return err
	}
	if c.wal, err = a.WAL(ctx, c.Document.Database.SystemIdentifier); err != nil {
		return err
	}
	timeline := uint32(c.Document.Database.Timeline)
	c.own = !c.wal.Current(timeline, stop)
	if c.Coverage, err = c.wal.Coverage(ctx, timeline, stop); err != nil {
		return err
	}
	if c.Time.IsZero() {
		return nil
	}
	if c.Coverage.End <= stop || c.Coverage.Until.Before(c.Time) {
		until := c.Document.CreatedAt
		if c.Coverage.Until.After(until) {
			until = c.Coverage.Until
		}
		why := "the archived WAL ends there"
		if c.Coverage.Gap != "" {
			why = "segment " + c.Coverage.Gap + " is missing from the archive"
		}
		return fault.New(fault.Preflight, "choose an earlier --time, or --set "+Latest,
			"%s cannot be reached: from set %s on, the state until %s can be brought back; %s",
			c.Time.Local().Format(time.DateTime), c.Set, until.Local().Format(time.DateTime), why)
	}
	return nil
}
