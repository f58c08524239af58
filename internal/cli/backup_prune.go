package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
)

func newBackupPrune(env Env) *cobra.Command {
	var o job.PruneOptions
	c := &cobra.Command{
		Use:   "prune",
		Short: "Let old sets go and give their space back",
		Long: `Prune keeps the newest set of each of the last 7 days, 4 weeks and 6 months
(backup.keep_...), and the newest 3 whatever their age, and of the archived WAL
what every moment of the last 7 days (backup.window_days) needs, also of a time
that a restore has ended. It lets nothing go while the newest set is older than 50
hours or the last drill failed, and gives only the space back of what went before.
Then --anyway, once for each set, lets a set go all the same, if it is one that would
go otherwise, or damaged. Space of sets comes back a day later, for safety's sake;
--now gives it back at once.

While a set is missing on the target that this machine has saved there, nothing goes
and no space comes back: without its index, its data looks like nobody's. Bring the
index back, or give such sets and their data up with --accept-loss.`,
		Example: "  bugspark backup prune --dry-run\n  bugspark backup prune\n  bugspark backup prune --now    # when the target is full",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			o.Waiting = waiting(env)
			out, err := j.Prune(cmd.Context(), o)
			if err := printPruned(env, out, o.DryRun); err != nil {
				return err
			}
			return err
		},
	}
	c.Flags().BoolVar(&o.Now, "now", false, "give space back at once")
	c.Flags().StringArrayVar(&o.Anyway, "anyway", nil, "let this `set` go although the drill failed or no new sets come, and no other")
	c.Flags().BoolVar(&o.Accept, "accept-loss", false, "give up the sets that are missing on the target")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "show what would go and why the rest stays, change nothing")
	return c
}

func printPruned(env Env, out job.Pruned, dryRun bool) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, k := range out.Sets {
		why := "goes"
		if k.Stays() {
			why = "stays: " + strings.Join(k.Reasons, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.EndedAt.Local().Format(time.DateTime), why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if out.BallastReleased {
		fmt.Fprintln(env.Stderr, "The target is full; its ballast was given up.")
	}
	went := "went"
	if dryRun {
		went = "would go"
	}
	if out.Decided {
		fmt.Fprintf(env.Stdout, "%d of %d sets %s.\n", len(out.Going), len(out.Sets), went)
	}
	for _, s := range out.Systems {
		fmt.Fprintf(env.Stdout, "%d files (%s) of the archive %s, of a database of which there is no set any more.\n", s.Files, size(s.Bytes), went)
	}
	if len(out.Moments) > 0 {
		fmt.Fprintf(env.Stdout, "%d files (%s) of the archive %s.\n", out.WAL.Files, size(out.WAL.Bytes), went)
		printMoments(env, out.Moments)
	}
	return nil
}
