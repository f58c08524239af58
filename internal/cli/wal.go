package cli

import (
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
)

func newWAL(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:    "wal",
		Short:  "Keep the WAL between two sets (roles of the service manager)",
		Args:   cobra.NoArgs,
		Hidden: true,
	}
	c.AddCommand(newWALFetch(env),
		&cobra.Command{
			Use: "receive", Short: "Receive WAL into the spool as it is written", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				j, err := openJobs(env)
				if err != nil {
					return err
				}
				return j.Receive(cmd.Context())
			},
		},
		&cobra.Command{
			Use: "ship", Short: "Bring WAL and new pictures to the backup target", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				j, err := openJobs(env)
				if err != nil {
					return err
				}
				return j.Ship(cmd.Context())
			},
		})
	return c
}

func newWALFetch(env Env) *cobra.Command {
	var socket string
	c := &cobra.Command{
		Use:   "fetch --socket SOCKET NAME PATH",
		Short: "Get one WAL file for a server in recovery",
		Long: `Fetch is the restore_command of a recovery. Exit status 1 says that there is no
such file, which is how recovery ends; 255 stops the recovery.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := job.FetchWAL(cmd.Context(), socket, args[0], args[1])
			switch {
			case err != nil:
				complain(env.Stderr, err)
				return &exitStatus{255} // PostgreSQL takes any status up to 125 for the end of the WAL
			case !found:
				return &exitStatus{1}
			}
			return nil
		},
	}
	c.Flags().StringVar(&socket, "socket", "", "`socket` of the restore")
	return c
}
