package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/preflight"
)

func newBackupSSHKey(env Env) *cobra.Command {
	var second bool
	c := &cobra.Command{
		Use:   "ssh-key",
		Short: "Make this machine's key for an SFTP target, and print the public half",
		Long: `Ssh-key prints the line that the SFTP server's administrator adds to the account's
authorized_keys. It makes the key if there is none.`,
		Example: "  bugspark backup ssh-key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := preflight.RequireRoot(); err != nil {
				return err
			}
			j := &job.Jobs{Dirs: config.DirsFrom(env.Lookup), Lookup: env.Lookup}
			line, err := j.SSHKey(second)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(env.Stdout, line)
			return err
		},
	}
	c.Flags().BoolVar(&second, "copy", false, "for the second target")
	return c
}
