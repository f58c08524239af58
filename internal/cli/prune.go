package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

func newBackupPrune(env Env) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "prune",
		Short: "Let old sets go and give their space back",
		Long: `Prune keeps the newest set of each of the last 7 days, 4 weeks and 6 months, and
the newest 3 whatever their age. It lets nothing go while the newest set is older
than two days. Space comes back a day later, for safety's sake.`,
		Example: "  bugspark backup prune --dry-run\n  bugspark backup prune",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRepository(cmd.Context(), env, false, func(ctx context.Context, _ installation, r *repository.Repository) error {
				return pruneSets(ctx, env, r, dryRun)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would go and why the rest stays, change nothing")
	return c
}

func pruneSets(ctx context.Context, env Env, r *repository.Repository, dryRun bool) error {
	sets, err := r.Sets(ctx)
	if err != nil {
		return err
	}
	kept, refusal := backup.Retain(sets, backup.DefaultRetention(), time.Now())
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
	if dryRun {
		fmt.Fprintf(env.Stdout, "%d of %d sets would go.\n", len(going), len(sets))
		return nil
	}
	if err := r.Delete(ctx, going); err != nil {
		return err
	}
	if err := r.Reclaim(ctx, true); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%d of %d sets went.\n", len(going), len(sets))
	return nil
}
