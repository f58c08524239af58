package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newApply(env Env) *cobra.Command {
	var asJSON, dryRun bool
	c := &cobra.Command{
		Use:   "apply",
		Short: "Bring the machine to what bugspark.yaml says",
		Long: `Apply makes the changes that 'plan' shows, then proves that the whole stack
answers. A change of configuration that leaves it unhealthy is taken back, and
the refused file is kept as bugspark.yaml.refused. A second apply changes nothing.`,
		Example: "  bugspark apply --dry-run\n  bugspark apply",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			m, err := openMachine(ctx, env)
			if err != nil {
				return err
			}
			defer m.Close()
			if dryRun {
				return printPlan(ctx, env, m, asJSON)
			}
			if err := m.Preflight(ctx); err != nil {
				return err
			}
			p := newProgress(env, asJSON)
			made, err := m.Converge(ctx, p.change)
			p.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(map[string]any{"changes": orEmpty(made)})
			}
			if len(made) == 0 {
				_, err = fmt.Fprintln(env.Stdout, "Nothing had to be changed.")
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the plan, change nothing")
	return c
}
