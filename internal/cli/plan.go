package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func newPlan(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what 'apply' would change",
		Long:  "Plan compares the machine with bugspark.yaml and changes nothing.\n\nExit status: 0 nothing to change, 4 changes wait to be applied.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := openConfigured(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			return printPlan(cmd.Context(), env, m.converger(newProgress(env, true)), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newApply(env Env) *cobra.Command {
	var asJSON, dryRun bool
	c := &cobra.Command{
		Use:   "apply",
		Short: "Bring the machine to what bugspark.yaml says",
		Long: `Apply makes the changes that 'plan' shows, then proves that the whole stack
answers. A change of configuration that leaves it unhealthy is taken back, and
the refused file is kept as bugspark.yaml.refused. A second apply changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			m, err := openConfigured(ctx, env)
			if err != nil {
				return err
			}
			defer m.Close()
			p := newProgress(env, asJSON)
			conv := m.converger(p)
			if dryRun {
				return printPlan(ctx, env, conv, asJSON)
			}
			if _, err := setup.Preflight(ctx, m.checks(ctx)); err != nil {
				return err
			}
			made, err := conv.Apply(ctx)
			p.finish()
			if err == nil {
				err = m.firstSet()
			}
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

// openConfigured opens the machine for a command that needs a finished setup.
func openConfigured(ctx context.Context, env Env) (*machine, error) {
	dirs := config.DirsFrom(env.Lookup)
	existing, err := setup.Existing(dirs)
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run it with sudo", "reading the configuration")
	}
	if existing == nil {
		return nil, fault.New(fault.Preflight, "bugspark setup --non-interactive", "this machine is not set up: there is no %s", dirs.File())
	}
	cfg, err := config.Parse(dirs.File(), existing, env.Lookup)
	if err != nil {
		return nil, err
	}
	return openMachine(ctx, env, dirs, cfg)
}

func printPlan(ctx context.Context, env Env, conv *setup.Converger, asJSON bool) error {
	changes, err := conv.Plan(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(env.Stdout).Encode(map[string]any{"changes": orEmpty(changes)})
	} else {
		err = listChanges(env, changes)
	}
	if err == nil && len(changes) > 0 {
		err = &exitStatus{int(fault.Pending)}
	}
	return err
}

func listChanges(env Env, changes []setup.Change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(env.Stdout, "Nothing to change.")
		return err
	}
	for _, ch := range changes {
		if _, err := fmt.Fprintf(env.Stdout, "  %s\n", ch); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(env.Stdout, "%d changes wait; 'bugspark apply' makes them.\n", len(changes))
	return err
}

// orEmpty makes an absent list an empty JSON array.
func orEmpty(c []setup.Change) []setup.Change {
	if c == nil {
		return []setup.Change{}
	}
	return c
}
