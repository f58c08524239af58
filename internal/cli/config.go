package cli

import (
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
)

func newConfig(env Env) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at the configuration", Args: cobra.NoArgs}
	c.AddCommand(
		&cobra.Command{
			Use:   "sample",
			Short: "Print bugspark.yaml with every setting at its default",
			Args:  cobra.NoArgs,
			RunE:  func(*cobra.Command, []string) error { return config.WriteSample(env.Stdout) },
		},
		&cobra.Command{
			Use:   "reference",
			Short: "Print the manual page of every setting and secret, as Markdown",
			Args:  cobra.NoArgs,
			RunE:  func(*cobra.Command, []string) error { return config.WriteReference(env.Stdout) },
		},
		&cobra.Command{
			Use:   "check",
			Short: "Check the configuration file and the environment",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := config.Load(config.DirsFrom(env.Lookup), env.Lookup)
				return err
			},
		},
	)
	return c
}
