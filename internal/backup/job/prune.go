package job

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// PruneOptions say how to prune.
type PruneOptions struct {
	DryRun bool // decide and count, delete nothing
	Now    bool // give the space of deleted sets back at once rather than a day later
}

// Pruned is what a prune decided and deleted. What it holds is also true when
// Prune returns an error.
type Pruned struct {
	Sets            []backup.Decision // newest first; those without reasons go
	Going           []string          // ids of the sets that go
	Decided         bool              // the sets of Going were deleted, or would be
	BallastReleased bool              // the target was full
	Systems         []archive.Pruned  // WAL of databases of which there is no set any more
	WAL             archive.Pruned
	Since           time.Time // from here on every moment can be brought back; zero without WAL
}

// Prune deletes the sets that the retention does not keep, and the archived WAL
// and pictures that no kept set needs.
func (j *Jobs) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	s, err := j.Open(ctx, OpenOptions{Change: !o.DryRun})
	if err != nil {
		return Pruned{}, err
	}
	defer s.Close()
	return s.prune(ctx, o)
}

func (j *Jobs) window() time.Duration {
	return time.Duration(j.Config.Backup.WindowDays) * 24 * time.Hour
}

func (j *Jobs) retention() backup.Retention {
	b := j.Config.Backup
	return backup.Retention{Daily: b.KeepDaily, Weekly: b.KeepWeekly, Monthly: b.KeepMonthly, Window: j.window(), NoWAL: !j.Config.Streams()}
}

// refuseAfterDrill refuses to delete anything after a drill that failed: an old
// set may be the only one that can be restored.
func refuseAfterDrill(d backup.DrillReport) error {
	if d.At.IsZero() || d.Passed {
		return nil
	}
	return fault.New(fault.Preflight, "find out why: bugspark backup drill", "the drill of %s failed, so nothing is let go", d.At.Local().Format(time.DateTime))
}

func (s *Session) prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	var out Pruned
	sets, err := s.Repository.Sets(ctx)
	if err != nil {
		return out, err
	}
	now := time.Now()
	var refusal error
	out.Sets, refusal = backup.Retain(sets, s.Jobs.retention(), now)
	h, err := history.Read(s.Jobs.Dirs)
	if err != nil {
		return out, err
	}
	for _, k := range out.Sets {
		if !k.Stays() {
			out.Going = append(out.Going, k.ID)
		}
	}
	if refusal == nil {
		refusal = refuseAfterDrill(h.Drill)
	}
	if refusal != nil {
		return out, refusal
	}
	if o.DryRun {
		out.Decided = true
		return out, s.pruneArchive(ctx, &out, now, true)
	}
	if out.BallastReleased, err = s.own.ReleaseBallast(ctx); err != nil {
		return out, err
	}
	if err := s.Repository.Delete(ctx, out.Going); err != nil {
		return out, err
	}
	if err := s.Repository.Reclaim(ctx, o.Now); err != nil {
		return out, err
	}
	out.Decided = true
	if err := s.pruneArchive(ctx, &out, now, false); err != nil {
		return out, err
	}
	if err := target.Sweep(ctx, s.Target, now); err != nil {
		return out, err
	}
	return out, s.own.TakeBallast(ctx)
}

// pruneArchive deletes the WAL before the set from which the window is reached,
// the WAL of databases without sets, and pictures that a set has.
func (s *Session) pruneArchive(ctx context.Context, out *Pruned, now time.Time, dryRun bool) error {
	a, err := s.Archive()
	if err != nil {
		return err
	}
	windowBegin := now.Add(-s.Jobs.window())
	base, ok := backup.WALBase(out.Sets, windowBegin)
	if !ok {
		return nil
	}
	if err := s.pruneSystems(ctx, a, out, windowBegin, dryRun); err != nil {
		return err
	}
	d, err := backup.Read(ctx, s.Repository, base.ID)
	if err != nil {
		return err
	}
	if !d.Physical() {
		return nil // without WAL there is no archive
	}
	from, err := archive.ParseLSN(d.Database.Start)
	if err != nil {
		return err
	}
	if out.WAL, err = a.Prune(ctx, d.Database.SystemIdentifier, from, backup.PicturesBefore(out.Sets), dryRun); err != nil {
		return err
	}
	out.Since = base.EndedAt
	return nil
}

// pruneSystems deletes the WAL of databases of which no set is kept: of a machine
// before this, or of a customer's server whose WAL is not received any more.
func (s *Session) pruneSystems(ctx context.Context, a *archive.Archive, out *Pruned, windowBegin time.Time, dryRun bool) error {
	var used []string
	for _, k := range out.Sets {
		if !k.Stays() {
			continue
		}
		d, err := backup.Read(ctx, s.Repository, k.ID)
		if err != nil {
			return err
		}
		used = append(used, d.Database.SystemIdentifier)
	}
	systems, err := a.Systems(ctx)
	if err != nil {
		return err
	}
	for _, system := range backup.UnusedSystems(systems, used) {
		// A database whose WAL came within the window is waiting for its first set.
		gone, err := a.PruneSystem(ctx, system, windowBegin, dryRun)
		if err != nil {
			return err
		}
		if gone.Files > 0 {
			out.Systems = append(out.Systems, gone)
		}
	}
	return nil
}
