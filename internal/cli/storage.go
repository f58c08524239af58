package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

// checkPatience is how long a service may take to answer a check of a role.
const checkPatience = 10 * time.Second

func newStorage(env Env) *cobra.Command {
	c := &cobra.Command{Use: "storage", Short: "Guard the object store (roles of the service manager)", Args: cobra.NoArgs, Hidden: true}
	c.AddCommand(
		role(env, "gate", "Let only the product's requests through to MinIO",
			func(ctx context.Context, p *assembly.Parts) error { return p.RunGate(ctx) }),
		role(env, "check", "Ask MinIO whether it lives, from inside its network namespace",
			func(ctx context.Context, p *assembly.Parts) error {
				ctx, cancel := context.WithTimeout(ctx, checkPatience)
				defer cancel()
				return p.Gate().Check(ctx)
			}),
	)
	return c
}
