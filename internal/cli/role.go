package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

// service is a command that a unit starts. It is hidden from the help, because
// nobody types it.
func service(env Env, use, short string, run func(context.Context, *assembly.Parts) error) *cobra.Command {
	c := role(env, use, short, run)
	c.Hidden = true
	return c
}

// role is a service, or a step of one, below a command that is hidden already.
func role(env Env, use, short string, run func(context.Context, *assembly.Parts) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := env.parts()
			if err != nil {
				return err
			}
			return run(cmd.Context(), p)
		},
	}
}
