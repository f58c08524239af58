package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

func newBackupPrune(env Env) *cobra.Command {
	var dryRun, now bool
	c := &cobra.Command{
		Use:   "prune",
		Short: "Let old sets go and give their space back",
		Long: `Prune keeps the newest set of each of the last 7 days, 4 weeks and 6 months
(backup.keep_...), and the newest 3 whatever their age, and of the archived WAL
what the last 7 days (backup.window_days) need. It lets nothing go while the
newest set is older than two days or the last drill failed. Space of sets comes
back a day later, for safety's sake; --now gives it back at once.`,
		Example: "  bugspark backup prune --dry-run\n  bugspark backup prune\n  bugspark backup prune --now    # when the target is full",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRepository(cmd.Context(), env, vaultUse{change: !dryRun}, func(ctx context.Context, v *vault, r *repository.Repository) error {
				return pruneSets(ctx, env, v, r, pruneOptions{dryRun, now})
			})
		},
	}
	c.Flags().BoolVar(&now, "now", false, "give space back at once")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would go and why the rest stays, change nothing")
	return c
}

type pruneOptions struct{ dryRun, now bool }

func pruneSets(ctx context.Context, env Env, v *vault, r *repository.Repository, o pruneOptions) error {
	sets, err := r.Sets(ctx)
	if err != nil {
		return err
	}
	b := v.cfg.Backup
	kept, refusal := backup.Retain(sets, backup.Retention{Daily: b.KeepDaily, Weekly: b.KeepWeekly, Monthly: b.KeepMonthly, Window: v.window(), NoWAL: !v.cfg.Streams()}, time.Now())
	memory, err := readMemory(v.dirs)
	if err != nil {
		return err
	}
	if refusal == nil && !memory.Drill.At.IsZero() && !memory.Drill.Passed {
		refusal = fault.New(fault.Preflight, "find out why: bugspark backup drill", "the drill of %s failed, so nothing is let go", memory.Drill.At.Local().Format(time.DateTime))
	}
	var going []string
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, k := range kept {
		why := "goes"
		if len(k.Reasons) > 0 {
			why = "stays: " + strings.Join(k.Reasons, ", ")
		} else {
			going = append(going, k.ID)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.EndedAt.Local().Format(time.DateTime), why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	if o.dryRun {
		fmt.Fprintf(env.Stdout, "%d of %d sets would go.\n", len(going), len(sets))
		return v.pruneArchive(ctx, env, r, kept, o.dryRun)
	}
	if err := v.lighten(ctx, env); err != nil {
		return err
	}
	if err := r.Delete(ctx, going); err != nil {
		return err
	}
	if err := r.Reclaim(ctx, o.now); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%d of %d sets went.\n", len(going), len(sets))
	if err := v.pruneArchive(ctx, env, r, kept, false); err != nil {
		return err
	}
	if err := target.Sweep(ctx, v.target, time.Now()); err != nil {
		return err
	}
	return v.own.Ballast(ctx)
}

// lighten gives up the ballast of a full target.
func (v *vault) lighten(ctx context.Context, env Env) error {
	released, err := v.own.Release(ctx)
	if released {
		fmt.Fprintln(env.Stderr, "The target is full; its ballast was given up.")
	}
	return err
}

func (v *vault) window() time.Duration {
	return time.Duration(v.cfg.Backup.WindowDays) * 24 * time.Hour
}

// pruneArchive keeps the WAL from the newest set before the window on, and the
// pictures that no set has yet.
func (v *vault) pruneArchive(ctx context.Context, env Env, r *repository.Repository, kept []backup.Kept, dryRun bool) error {
	a, err := v.archive()
	if err != nil {
		return err
	}
	window := time.Now().Add(-v.window())
	var base *backup.Kept
	for i, k := range kept { // newest first
		if len(k.Reasons) == 0 {
			continue
		}
		if base = &kept[i]; k.EndedAt.Before(window) {
			break
		}
	}
	if base == nil {
		return nil
	}
	if err := v.pruneSystems(ctx, env, r, a, kept, dryRun); err != nil {
		return err
	}
	d, err := backup.Read(ctx, r, base.ID)
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
	// A set has every picture that was there when it began; the day more is for
	// clocks that differ.
	gone, err := a.Prune(ctx, d.Database.SystemIdentifier, from, kept[0].BeganAt.Add(-24*time.Hour), dryRun)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "%d files (%s) of the archive %s; every moment since %s can be brought back.\n", gone.Files, size(gone.Bytes), went(dryRun), base.EndedAt.Local().Format(time.DateTime))
	return err
}

func went(dryRun bool) string {
	if dryRun {
		return "would go"
	}
	return "went"
}

// pruneSystems lets the WAL of clusters go of which no set is left: of a machine
// before this, or of a customer's server that is not streamed any more.
func (v *vault) pruneSystems(ctx context.Context, env Env, r *repository.Repository, a *archive.Archive, kept []backup.Kept, dryRun bool) error {
	used := map[string]bool{}
	for _, k := range kept {
		if len(k.Reasons) == 0 {
			continue
		}
		d, err := backup.Read(ctx, r, k.ID)
		if err != nil {
			return err
		}
		used[d.Database.SystemIdentifier] = true
	}
	systems, err := a.Systems(ctx)
	if err != nil {
		return err
	}
	for _, system := range systems {
		if used[system] {
			continue
		}
		// One that WAL came of lately is waiting for its first set.
		gone, err := a.PruneSystem(ctx, system, time.Now().Add(-v.window()), dryRun)
		if err != nil {
			return err
		}
		if gone.Files > 0 {
			fmt.Fprintf(env.Stdout, "%d files (%s) of the archive %s, of a database of which there is no set any more.\n", gone.Files, size(gone.Bytes), went(dryRun))
		}
	}
	return nil
}
