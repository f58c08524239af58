package cli

import (
	"github.com/spf13/cobra"
)

func newBackup(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "backup",
		Short: "Save everything as one set, and look at what is saved",
		Long: `Backup keeps sets in backup.target, a directory, a bucket or an SFTP server: database, pictures,
configuration and secrets together, encrypted, each there whole or not at all.

Between two sets the WAL and new pictures are archived every few seconds, so that
every moment of the last days can be brought back. 'bugspark backup kit' prints
the recovery kit, without which nobody can read any of it.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(newBackupCreate(env), newBackupList(env), newBackupShow(env), newBackupVerify(env), newBackupPrune(env),
		newBackupKit(env), newBackupDrill(env), newBackupCheck(env), newBackupCopy(env), newBackupSSHKey(env))
	return c
}

// fromCopy is the flag of commands that can use the second target.
func fromCopy(c *cobra.Command, second *bool) {
	c.Flags().BoolVar(second, "copy", false, "use the second target, backup.copy.target")
}
