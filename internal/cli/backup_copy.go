package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/progress"
)

func newBackupCopy(env Env) *cobra.Command {
	var asJSON bool
	var o job.CopyOptions
	c := &cobra.Command{
		Use:   "copy",
		Short: "Bring the second target up to date",
		Long: `Copy brings backup.copy.target up to date with backup.target. It needs no key of
the backups. What the product has let go on the first target goes from the copy a
week later, at most 5,000 files in one run; not while the newest set is older than 50
hours or the last drill failed. What the first target lost in any other way, or has in
another size, stays on the copy as it was: the run says so, nothing goes from the
copy meanwhile, and 'bugspark status' tells. Copy such files back with any tool that
keeps names, or give them up with --accept-loss. After an interruption the copy is
intact, and the next run goes on.

With --copy the commands list, verify, drill and restore use the copy.`,
		Example: "  bugspark backup copy --dry-run\n  bugspark backup copy\n  bugspark backup verify --copy",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			o.Waiting = waiting(env)
			p := progress.NewTransfer(env.errors(asJSON || o.DryRun)) // which moves nothing
			out, err := j.Copy(cmd.Context(), o, p.Report)
			p.Finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(out)
			}
			if out.Lost+out.Changed > 0 {
				fmt.Fprintf(env.Stdout, "The first target has lost %d files that did not go by themselves, and has %d in another size (%s); the copy keeps its own.\n"+
					"Next: bugspark backup verify, bugspark backup verify --copy, and bugspark restore --copy if the first is damaged.\n", out.Lost, out.Changed, strings.Join(out.Examples, ", "))
			}
			_, err = fmt.Fprintln(env.Stdout, copied(out, o.DryRun))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Flags().BoolVar(&o.Accept, "accept-loss", false, "let what the first target has lost go from the copy as well, in a week")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "show how much would be copied, change nothing")
	return c
}

// copied is what a run did. A dry run moves nothing, so it has no time either.
func copied(c job.Copied, dryRun bool) string {
	did := fmt.Sprintf("Copied %d files (%s) in %.1f s, and let", c.Copied, size(c.Bytes), c.Seconds)
	if dryRun {
		did = fmt.Sprintf("Would copy %d files (%s), and let", c.Copied, size(c.Bytes))
	}
	return fmt.Sprintf("%s %d go (%d later); the copy has %d files, %s.", did, c.Deleted, c.Waiting, c.Files, size(c.Total))
}
