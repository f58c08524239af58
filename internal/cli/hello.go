package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newHello(env Env) *cobra.Command {
	return service(env, "hello", "Say hello (a role of the service manager)",
		func(ctx context.Context, p *assembly.Parts) error { return p.RunHello(ctx) })
}
