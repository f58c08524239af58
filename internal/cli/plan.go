package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func newPlan(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "plan",
		Short:   "Show what 'apply' would change",
		Long:    "Plan compares the machine with bugspark.yaml, makes the checks that apply makes, and\nchanges nothing.\n\nExit status: 0 nothing to change, 3 apply would refuse, 4 changes wait to be applied.",
		Example: "  bugspark plan\n  bugspark plan --json | jq -r '.changes[].what'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := openToApply(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			return printPlan(cmd.Context(), env, m, asJSON, "apply")
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

// lockMachine waits for other commands that change the machine. It reads the configuration
// as it was edited: an apply must lead out of one in force that cannot be read any more.
func lockMachine(ctx context.Context, env Env) (unlock func(), err error) {
	p, err := assembly.Edited(env.assembly())
	if err != nil {
		return nil, err
	}
	m, err := p.Machine(ctx) // one that systemd does not manage is refused before anything is made
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return setup.Lock(ctx, m.Dirs, waiting(env))
}

// openToApply opens it with what apply adds to its configuration.
func openToApply(ctx context.Context, env Env) (*assembly.Machine, error) {
	p, err := assembly.Edited(env.assembly())
	if err != nil {
		return nil, err
	}
	m, err := p.Machine(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.NameTarget(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func printPlan(ctx context.Context, env Env, m *assembly.Machine, asJSON bool, maker string) error {
	findings, refused := m.Preflight(ctx)
	changes, err := m.Converger(func(setup.Change) {}).Plan(ctx)
	if err != nil {
		return errors.Join(err, refused)
	}
	if asJSON {
		out := map[string]any{"changes": orEmpty(changes)}
		if refused != nil {
			out["refused"] = slices.DeleteFunc(findings, func(f preflight.Finding) bool { return f.Error == "" })
		}
		err = json.NewEncoder(env.Stdout).Encode(out)
	} else {
		err = listChanges(env, changes, maker, refused != nil)
		if note := m.KitNote(); err == nil && note != "" {
			_, err = fmt.Fprintf(env.Stdout, "! %s\n", note)
		}
	}
	if err == nil && refused != nil {
		return refused
	}
	if err == nil && len(changes) > 0 {
		err = &exitStatus{int(fault.Pending)}
	}
	return err
}

func listChanges(env Env, changes []setup.Change, maker string, refused bool) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(env.Stdout, "Nothing to change.")
		return err
	}
	for _, ch := range changes {
		if _, err := fmt.Fprintf(env.Stdout, "  %s\n", ch); err != nil {
			return err
		}
	}
	then := "makes them."
	if refused {
		then = "refuses to make them:"
	}
	_, err := fmt.Fprintf(env.Stdout, "%d changes wait; 'bugspark %s' %s\n", len(changes), maker, then)
	return err
}

// orEmpty makes an absent list an empty JSON array.
func orEmpty(c []setup.Change) []setup.Change {
	if c == nil {
		return []setup.Change{}
	}
	return c
}
