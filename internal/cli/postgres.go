package cli

import (
	"context"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newPostgres(env Env) *cobra.Command {
	c := &cobra.Command{Use: "postgres", Short: "Run the database (roles of the service manager)", Args: cobra.NoArgs, Hidden: true}
	c.AddCommand(
		role(env, "prepare", "Make the database cluster if there is none, and write its configuration",
			func(ctx context.Context, p *assembly.Parts) error {
				cluster, err := p.Cluster()
				if err != nil {
					return err
				}
				return cluster.Prepare(ctx)
			}),
		role(env, "run", "Become the PostgreSQL server",
			func(ctx context.Context, p *assembly.Parts) error {
				cluster, err := p.Cluster()
				if err != nil {
					return err
				}
				return cluster.Start(ctx, syscall.Exec)
			}),
		role(env, "provision", "Make the roles and the database in the running server",
			func(ctx context.Context, p *assembly.Parts) error {
				cluster, err := p.Cluster()
				if err != nil {
					return err
				}
				return cluster.Provision(ctx)
			}),
		role(env, "check", "Ask the running server for an answer",
			func(ctx context.Context, p *assembly.Parts) error {
				cluster, err := p.Cluster()
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(ctx, checkPatience)
				defer cancel()
				return cluster.Check(ctx)
			}),
	)
	return c
}
