package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newSupervisor(env Env) *cobra.Command {
	return service(env, "supervisor", "Answer the admin panel's privileged requests (a role of the service manager)",
		func(ctx context.Context, p *assembly.Parts) error { return p.RunSupervisor(ctx) })
}
