package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/progress"
)

func newApply(env Env) *cobra.Command {
	var asJSON, dryRun, startEmpty, claim bool
	c := &cobra.Command{
		Use:   "apply",
		Short: "Bring the machine to what bugspark.yaml says",
		Long: `Apply makes the changes that 'plan' shows, then proves that the whole stack
answers. A change of configuration that leaves it unhealthy is taken back, and
the refused file is kept as bugspark.yaml.refused. A second apply changes nothing.

A configuration without backup.target gets the local one, /var/backups/bugspark;
with backup.target: "" there are no backups. A key of the backups that is missing
is not made anew while a target holds what only that key opens.`,
		Example: "  bugspark apply --dry-run\n  bugspark apply",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if !dryRun {
				// Before the configuration is read that counts.
				unlock, err := lockMachine(ctx, env)
				if err != nil {
					return err
				}
				defer unlock()
			}
			m, err := openToApply(ctx, env)
			if err != nil {
				return err
			}
			defer m.Close()
			m.StartEmpty, m.ForceClaim = startEmpty, claim
			if dryRun {
				return printPlan(ctx, env, m, asJSON, "apply")
			}
			if _, err := m.Preflight(ctx); err != nil {
				return err
			}
			p := progress.NewSteps(env.out(asJSON))
			made, beside := m.Converge(ctx, p.Change)
			p.Finish()
			if !setup.Served(beside) {
				return beside
			}
			if asJSON {
				return errors.Join(json.NewEncoder(env.Stdout).Encode(map[string]any{"changes": orEmpty(made)}), beside)
			}
			if len(made) == 0 {
				fmt.Fprintf(env.Stdout, "Nothing had to be changed. BugSpark answers at %s\n", m.Config.Server.PublicURL())
			} else {
				fmt.Fprintf(env.Stdout, "Applied: %d changes. BugSpark answers at %s\n", len(made), m.Config.Server.PublicURL())
			}
			if _, waits := m.PendingRestore(ctx); waits != "" {
				fmt.Fprintf(env.Stdout, "! %s\n", waits)
			}
			if err := tellOfBackups(env.Stdout, m); err != nil {
				return err
			}
			return beside
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&claim, "claim", false, "take a new backup target over that belongs to another machine, which is gone for good")
	c.Flags().BoolVar(&startEmpty, "start-empty", false, "accept that the database or storage changes without the data, which stays where it is")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the plan, change nothing")
	return c
}
