package command

import (
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
)

func (t Env) revoke() *cobra.Command {
	var keyFile, passphraseFile, keysFile, listFile, out string
	c := &cobra.Command{
		Use:   "revoke --key FILE [--keys FILE --revocations FILE] NUMBER...",
		Short: "Sign the next list of revoked licences",
		Long: `Signs a list of revoked licences. With --revocations it follows that list and holds
what that one holds; without, it is the first. Releases carry the list.`,
		Example: "  bugspark-license revoke --key 2027a.key --keys keys.json --revocations revoked.jwt --out revoked-2.jwt L-17",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if (listFile == "") != (keysFile == "") {
				return fault.New(fault.Usage, "bugspark-license revoke --help", "--revocations and --keys belong together: the list before is checked with the published keys")
			}
			key, err := t.key(keyFile, passphraseFile)
			if err != nil {
				return err
			}
			before, err := t.before(keysFile, listFile)
			if err != nil {
				return err
			}
			token, err := key.Revoke(before, args, t.Now())
			if err != nil {
				return err
			}
			return t.write(out, []byte(token+"\n"), 0o644)
		},
	}
	c.Flags().StringVar(&keyFile, "key", "", "the encrypted private key")
	c.Flags().StringVar(&passphraseFile, "passphrase-file", "", "read the passphrase from a file instead of the terminal")
	c.Flags().StringVar(&keysFile, "keys", "", "the published keys, for the list before")
	c.Flags().StringVar(&listFile, "revocations", "", "the list before")
	c.Flags().StringVar(&out, "out", "", "write the list to a new file instead of the standard output")
	if err := c.MarkFlagRequired("key"); err != nil {
		panic(err) // a name that is misspelt here
	}
	return c
}
