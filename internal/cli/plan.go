package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func newPlan(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "plan",
		Short:   "Show what 'apply' would change",
		Long:    "Plan compares the machine with bugspark.yaml and changes nothing.\n\nExit status: 0 nothing to change, 4 changes wait to be applied.",
		Example: "  bugspark plan\n  bugspark plan --json | jq -r '.changes[].what'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := openMachine(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			return printPlan(cmd.Context(), env, m, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// openMachine opens the machine for a command that needs a finished setup.
func openMachine(ctx context.Context, env Env) (*assembly.Machine, error) {
	p, err := env.configured()
	if err != nil {
		return nil, err
	}
	return p.Machine(ctx)
}

func printPlan(ctx context.Context, env Env, m *assembly.Machine, asJSON bool) error {
	changes, err := m.Converger(func(setup.Change) {}).Plan(ctx)
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
