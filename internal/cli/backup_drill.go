package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/progress"
)

func newBackupDrill(env Env) *cobra.Command {
	var asJSON bool
	var signed string
	var o job.DrillOptions
	c := &cobra.Command{
		Use:   "drill",
		Short: "Restore the newest state into a scratch directory, and prove that it is whole",
		Long: `Drill restores the newest set from the target, with an empty cache and without
asking anything that runs: it replays the archived WAL, compares every file and
picture with its hash, looks through every table and index, lets the API answer
from what came back, and tells how much would have been lost and how long it took.

The signed report is kept below /var/lib/bugspark/backup/drills, as JSON and as a
page; a --scratch that cannot be used ends with status 2 and keeps none. Where the
package is installed the restored database runs in a service without keys. --signed proves that such a report is genuine. Exit status 1 means that the
backups did not pass, or that the report is not genuine.`,
		Example: `  bugspark backup drill
  bugspark backup drill --signed /var/lib/bugspark/backup/last-drill.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if signed != "" {
				return checkSignature(env, signed)
			}
			if done, err := assembly.DrillHeld(env.Lookup); done || err != nil {
				return err
			}
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			o.Waiting = waiting(env)
			p := progress.NewTransfer(env.errors(asJSON))
			r, err := j.Drill(cmd.Context(), o, p.Report)
			p.Finish()
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(env.Stdout).Encode(r)
			} else {
				_, err = fmt.Fprint(env.Stdout, r.Text())
			}
			if err != nil {
				return err
			}
			return r.Err()
		},
	}
	c.Flags().StringVar(&signed, "signed", "", "hold no drill, look whether the report in this `file` is genuine")
	c.Flags().StringVar(&o.Scratch, "scratch", "", "`directory` with room for the database, where the package is not installed; else it is in /var/lib/bugspark/scratch")
	c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	fromCopy(c, &o.Copy)
	return c
}

func checkSignature(env Env, file string) error {
	j := &job.Jobs{Dirs: config.DirsFrom(env.Lookup), Lookup: env.Lookup}
	r, err := j.CheckSignature(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "%s\nThe signature is genuine.\n", r.Text())
	return err
}
