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
drill, and at the room on the target. It writes them as metrics into
/var/lib/bugspark/backup/metrics.prom. Exit status 1 means that something is wrong.`,
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
			_, err = fmt.Fprintln(env.Stdout, s.Sentence())
			return err
		},
	}
}
