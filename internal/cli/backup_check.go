package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newBackupCheck(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Tell whether the backups are as they should be",
		Long: `Check looks at the age of the newest set, of the archived WAL and of the last
drill, at how the jobs ended last, and at the room on the target. It writes them as metrics into
/var/lib/bugspark/backup/metrics.prom. Exit status 1 means that something is wrong.

What the backups do not survive as they are set up, on the disk of the data or
without a confirmed recovery kit, is printed and is no failure: no alert repeats it.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			s, err := j.Check()
			if err != nil {
				return err
			}
			if err := s.Err(); err != nil {
				return err
			}
			for _, line := range append([]string{s.Sentence()}, s.Limits...) {
				if _, err := fmt.Fprintln(env.Stdout, line); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
