package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newBackupCopy(env Env) *cobra.Command {
	var asJSON, dryRun bool
	c := &cobra.Command{
		Use:   "copy",
		Short: "Bring the second target up to date",
		Long: `Copy brings backup.copy.target to the state of backup.target. It needs no key of
the backups. What the first target has let go goes from the copy as well, but not
while the newest set is older than two days or the last drill failed. After an
interruption the copy is intact, and the next run goes on.

With --copy the commands list, verify, drill and restore use the copy.`,
		Example: "  bugspark backup copy --dry-run\n  bugspark backup copy\n  bugspark backup verify --copy",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			p := newTransfer(env, asJSON)
			out, err := j.Copy(cmd.Context(), dryRun, p.report)
			p.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(out)
			}
			verb := "Copied"
			if dryRun {
				verb = "Would copy"
			}
			_, err = fmt.Fprintf(env.Stdout, "%s %d files (%s) in %.1f s, and let %d go; the copy has %d files, %s.\n",
				verb, out.Copied, size(out.Bytes), out.Seconds, out.Deleted, out.Files, size(out.Total))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show how much would be copied, change nothing")
	return c
}
