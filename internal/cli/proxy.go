package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newProxy(env Env) *cobra.Command {
	return service(env, "proxy", "End TLS and pass requests on (a role of the service manager)",
		func(ctx context.Context, p *assembly.Parts) error { return p.RunProxy(ctx) })
}
