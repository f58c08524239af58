package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
)

func newBackupList(env Env) *cobra.Command {
	var asJSON, second bool
	c := &cobra.Command{
		Use: "list", Short: "List the sets, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			sets, err := j.List(cmd.Context(), second)
			if err != nil {
				return err
			}
			return printSets(env, sets, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	fromCopy(c, &second)
	return c
}

func printSets(env Env, sets []job.SavedSet, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(sets)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SET\tTAKEN\tDATABASE\tREPORTS\tOBJECTS\tVERSION")
	for _, s := range sets {
		d := s.Document
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d (%s)\t%s\n", s.ID, d.CreatedAt.Local().Format(time.DateTime),
			size(d.Database.Bytes), d.Database.Rows["reports"], d.Objects.Count, size(d.Objects.Bytes), d.Version)
	}
	return w.Flush()
}

// printMoments tells what restore --time accepts, in whole seconds as people give it.
func printMoments(env Env, moments []job.Moments) {
	for _, m := range moments {
		if from, to := m.Seconds(); !to.Before(from) {
			fmt.Fprintf(env.Stdout, "Every moment from %s to %s can be brought back.\n", from.Local().Format(time.DateTime), to.Local().Format(time.DateTime))
		}
	}
}
