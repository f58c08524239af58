package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newDashboard(env Env) *cobra.Command {
	return service(env, "dashboard", "Serve the team's web pages (a role of the service manager)",
		func(ctx context.Context, p *assembly.Parts) error { return p.RunDashboard(ctx) })
}
