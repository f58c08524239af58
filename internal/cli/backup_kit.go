package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/fault"
)

func newBackupKit(env Env) *cobra.Command {
	var confirm string
	c := &cobra.Command{
		Use:   "kit",
		Short: "Print the recovery kit, or confirm that it is in a safe place",
		Long: `Kit prints one page with the two secrets without which no backup can be read, the
keys of targets that are elsewhere, and how to use them. Print it, or keep it where a fire in the server room does not
reach it, and confirm that by typing the fingerprint that stands on the page. Until
then 'bugspark status' says that nobody can read the backups once this machine is
gone, and it says so again when the keys are not those of the page any more, or the
page names older targets or older keys of them: print and confirm it anew after each.`,
		Example: `  bugspark backup kit | lp
  bugspark backup kit --confirm ABCD-EFGH-IJKL-MNOP`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := env.configured()
			if err != nil {
				return err
			}
			k, err := kit.Own(p.Lookup, p.Dirs, p.Config)
			if err != nil {
				return err
			}
			if confirm == "" {
				return k.Print(env.Stdout, p.Config.Server.Name)
			}
			if err := kit.Confirm(p.Dirs, k, confirm); err != nil {
				return err
			}
			_, err = fmt.Fprintln(env.Stdout, "The recovery kit is confirmed.")
			return err
		},
	}
	c.Flags().StringVar(&confirm, "confirm", "", "the `fingerprint` that stands on the kit")
	return c
}

// readKit reads a kit from a file; "-" is standard input.
func readKit(env Env, name string) (*kit.Kit, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(io.LimitReader(env.Stdin, 64<<10))
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "name the file with the recovery kit", "reading the recovery kit")
	}
	return kit.Parse(name, data)
}
