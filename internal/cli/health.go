package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/host/health"
)

// newHealth asks services in the way that the units declare as HealthCmd=, which works
// where no service manager can be asked.
func newHealth(env Env) *cobra.Command {
	c := &cobra.Command{Use: "health", Short: "Ask a running service whether it answers (for Compose)", Args: cobra.NoArgs, Hidden: true}
	c.AddCommand(
		role(env, "api", "Ask the API whether it and its database answer",
			func(ctx context.Context, p *assembly.Parts) error {
				return health.Socket(ctx, p.Dirs.Socket("api"), "/readyz")
			}),
		role(env, "dashboard", "Ask the dashboard for its first page",
			func(ctx context.Context, p *assembly.Parts) error {
				return health.Socket(ctx, p.Dirs.Socket("dashboard"), "/")
			}),
		role(env, "proxy", "Ask the proxy for an answer over TLS",
			func(ctx context.Context, p *assembly.Parts) error {
				return health.Port(ctx, p.Config.Server.HTTPSPort, p.Config.Server.Name)
			}),
	)
	return c
}
