package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
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
	// Anyway are sets to let go although a drill failed or no new sets come: some that
	// the retention does not keep, or damaged ones.
	Anyway  []string
	Accept  bool              // sets that are missing on the target are given up
	Waiting func(what string) // hears what the prune waits for; may be nil
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
	Moments         []Moments // that can be brought back; none without WAL
}

// Prune deletes the sets that the retention does not keep, and the archived WAL
// and pictures that no kept set needs.
func (j *Jobs) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	out, err := j.letOldGo(ctx, o)
	if o.DryRun {
		return out, err
	}
	return out, j.ended(ctx, history.Prune, err)
}

func (j *Jobs) letOldGo(ctx context.Context, o PruneOptions) (Pruned, error) {
	s, err := j.Open(ctx, OpenOptions{Change: !o.DryRun, Wait: true, Waiting: o.Waiting})
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
	return fault.New(fault.Preflight, "bugspark backup drill tells why; where room is needed, make the target larger, or let sets go that you can do without: bugspark backup prune --now --anyway SET",
		"the drill of %s failed, so nothing is let go", d.At.Local().Format(time.DateTime))
}

func (s *Session) prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	var out Pruned
	sets, err := s.Repository.Sets(ctx)
	if err != nil {
		return out, err
	}
	now := time.Now()
	tight, _, err := s.tight(ctx)
	if err != nil {
		return out, err
	}
	o.Now = o.Now || tight
	retention := s.retention(tight)
	l, err := s.lineage(ctx, sets)
	if err != nil {
		return out, err
	}
	needs, err := l.needs(ctx, now.Add(-retention.Window))
	if err != nil {
		return out, err
	}
	retention.Needed = needs.sets
	var refusal error
	out.Sets, refusal = backup.Retain(sets, retention, now)
	h, err := history.Read(s.Jobs.Dirs)
	if err != nil {
		return out, err
	}
	if err := s.Jobs.whole(h, sets, o.Accept, o.DryRun, now); err != nil {
		return out, err
	}
	for _, k := range out.Sets {
		if !k.Stays() {
			out.Going = append(out.Going, k.ID)
		}
	}
	if refusal == nil {
		refusal = refuseAfterDrill(h.Of(s.Jobs.Config.Backup).Drill)
	}
	if len(o.Anyway) > 0 {
		if err := out.only(o.Anyway, h.Verify.Damaged); err != nil {
			return out, err
		}
		refusal = nil
	}
	if o.DryRun {
		if refusal != nil {
			return out, refusal
		}
		out.Decided = true
		return out, s.pruneArchive(ctx, &out, l, needs, now, true)
	}
	return out, s.lost(s.letGo(ctx, &out, o, refusal, l, needs, now))
}

// only lets no other sets go than those named. Besides those that the retention does not
// keep it may be damaged ones.
func (p *Pruned) only(ids, damaged []string) error {
	for _, id := range ids {
		if !slices.Contains(p.Going, id) && !slices.Contains(damaged, id) {
			return fault.New(fault.Usage, "name some of those that 'bugspark backup prune' shows as going", "the set %s is not among those that may go, and not damaged", id)
		}
	}
	p.Going = ids
	for i, k := range p.Sets {
		switch {
		case slices.Contains(ids, k.ID):
			p.Sets[i].Reasons = nil
		case !k.Stays():
			p.Sets[i].Reasons = []string{"not named"}
		}
	}
	return nil
}

// letGo deletes what goes, and gives space back. With a refusal nothing goes, and the
// space of what went before comes back all the same.
func (s *Session) letGo(ctx context.Context, out *Pruned, o PruneOptions, refusal error, l *lineage, needs needs, now time.Time) error {
	var err error
	if out.BallastReleased, err = s.own.ReleaseBallast(ctx); err != nil {
		return err
	}
	if err := s.own.Check(ctx); err != nil {
		return err
	}
	if err := target.Sweep(ctx, s.Target, now); err != nil {
		return err
	}
	going, kept := out.Going, []string{}
	if refusal != nil {
		going = nil
	}
	for _, k := range out.Sets {
		if !slices.Contains(going, k.ID) {
			kept = append(kept, k.ID)
		}
	}
	if err := history.Forget(s.Jobs.Dirs, going); err != nil {
		return err
	}
	if err := s.Repository.Delete(ctx, going); err != nil {
		return s.explainPrune(ctx, err)
	}
	incomplete := s.complete(ctx, kept)
	if incomplete == nil {
		if err := s.Repository.Reclaim(ctx, o.Now); err != nil {
			return s.explainPrune(ctx, err)
		}
	}
	if refusal == nil {
		out.Decided = true
		if err := s.pruneArchive(ctx, out, l, needs, now, false); err != nil {
			return err
		}
	}
	return errors.Join(refusal, incomplete, s.own.TakeBallast(ctx), s.Jobs.extendLocks(ctx, s.Target, now))
}

// complete fails when pieces of the sets are missing. What looks like garbage may then
// be what a lost index named, and stays for whoever brings that index back.
func (s *Session) complete(ctx context.Context, ids []string) error {
	verdicts, err := s.Repository.Verify(ctx, ids, 0)
	if err != nil {
		return fmt.Errorf("looking whether the sets are complete: %w", err)
	}
	for _, v := range verdicts {
		if len(v.Damages) > 0 {
			return fault.New(fault.Failed, "bugspark backup verify; what is missing may be on the second target; to do without the set, and have the space: bugspark backup prune --now --anyway "+v.ID,
				"pieces of the set %s are missing, so no space is given back: %s", v.ID, v.Damages[0])
		}
	}
	return nil
}

// explainPrune adds to an error of a full target what is left to do.
func (s *Session) explainPrune(ctx context.Context, err error) error {
	if free, asking := s.Target.Free(ctx); errors.Is(err, syscall.ENOSPC) || asking == nil && free < 1<<20 {
		return fault.Wrap(fault.Failed, err, "make the target larger, or move away what is not of the backups; then: bugspark backup prune --now", "the backup target %s is so full that nothing can be deleted properly", s.Target)
	}
	return err
}

// pruneArchive deletes the WAL that leads to no moment of the window, the WAL of
// databases without sets, and pictures from before the window.
func (s *Session) pruneArchive(ctx context.Context, out *Pruned, l *lineage, needs needs, now time.Time, dryRun bool) error {
	windowBegin := now.Add(-s.Jobs.window())
	if err := s.pruneSystems(ctx, l.archive, out, windowBegin, dryRun); err != nil {
		return err
	}
	if len(l.systems) == 0 {
		return nil // without WAL there is no archive
	}
	add := func(p archive.Pruned, err error) error {
		out.WAL.Files, out.WAL.Bytes = out.WAL.Files+p.Files, out.WAL.Bytes+p.Bytes
		return err
	}
	for _, system := range l.systems {
		if err := add(l.archive.Prune(ctx, system.id, needs.wal[system.id], windowBegin, dryRun)); err != nil {
			return err
		}
	}
	if err := add(l.archive.PrunePictures(ctx, backup.PictureNeeded(out.Sets, needs.sets), dryRun)); err != nil {
		return err
	}
	var err error
	out.Moments, err = l.moments(ctx, func(id string) bool { return !slices.Contains(out.Going, id) }, s.Through())
	return err
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
