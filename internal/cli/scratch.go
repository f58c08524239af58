package cli

import (
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/backup/scratch"
)

func newScratch(env Env) *cobra.Command {
	var place scratch.Place
	c := &cobra.Command{
		Use:    "scratch",
		Short:  "Run a server on restored data for a drill or a restore (role of the service manager)",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return assembly.RunScratch(cmd.Context(), env.assembly(), place)
		},
	}
	c.Flags().StringVar(&place.Data, "data", "", "data `directory`")
	c.Flags().StringVar(&place.Dir, "dir", "", "`directory` for socket, settings and log")
	c.Flags().BoolVar(&place.Durable, "durable", false, "the data is to be used")
	return c
}
