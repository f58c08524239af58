package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

func newBackupShow(env Env) *cobra.Command {
	return &cobra.Command{
		Use: "show SET", Short: "Show everything that is known of a set, as JSON",
		Long:    "Show prints everything that is known of a set, by its id; latest is the newest.",
		Example: "  bugspark backup show latest", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			d, err := j.Show(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			e := json.NewEncoder(env.Stdout)
			e.SetIndent("", "  ")
			return e.Encode(d)
		},
	}
}
