package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newHello(env Env) *cobra.Command {
	return &cobra.Command{
		Use: "hello", Short: "Say hello", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(env.Stdout, "hello")
			return err
		},
	}
}
