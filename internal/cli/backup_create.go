package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/progress"
)

func newBackupCreate(env Env) *cobra.Command {
	var asJSON bool
	var o job.CreateOptions
	c := &cobra.Command{
		Use:   "create",
		Short: "Save one set now",
		Long: `Create saves one set while everything runs, and reads its description back from the target
before it calls it saved. 'bugspark backup verify' reads the rest.

It refuses a target without owner.json, which is what a missing mount looks like,
and one that another machine writes to. --claim makes such a target this
machine's: a new and empty one, or that of a machine which is gone for good.

Once a week a set holds a logical copy of the database as well, from which it can
be restored onto another major version of PostgreSQL; --logical adds one now.`,
		Example: "  bugspark backup create\n  bugspark backup create --json | jq -r .id",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if done, err := assembly.SetAnswered(env.Lookup); done || err != nil {
				return err
			}
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			o.Waiting = waiting(env)
			p := progress.NewTransfer(env.errors(asJSON))
			s, err := j.Create(cmd.Context(), o, p.Report)
			p.Finish()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(s)
			}
			d := s.Document
			_, err = fmt.Fprintf(env.Stdout, "Saved set %s in %.1f s: database %s, %d objects of %s, %d files of the configuration.\n",
				s.ID, s.Took, size(d.Database.Bytes), d.Objects.Count, size(d.Objects.Bytes), d.Files)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Flags().BoolVar(&o.Logical, "logical", false, "with a logical copy of the database, whenever the last one was made")
	c.Flags().BoolVar(&o.Claim, "claim", false, "make the target this machine's, whose ever it was")
	return c
}
