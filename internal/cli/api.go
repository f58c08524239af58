package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newAPI(env Env) *cobra.Command {
	return service(env, "api", "Answer the widget, the dashboard and scripts (a role of the service manager)",
		func(ctx context.Context, p *assembly.Parts) error { return p.RunAPI(ctx) })
}
