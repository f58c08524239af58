package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

// role is a command that a unit starts: a service, or a step of one. It is hidden
// from the help, because nobody types it.
func role(env Env, use, short string, run func(context.Context, *assembly.Parts) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := env.parts()
			if err != nil {
				return err
			}
			return run(cmd.Context(), p)
		},
	}
}
