package command

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/license"
	"github.com/bugspark/bugspark/internal/license/issuer"
)

func (t Env) keygen() *cobra.Command {
	var id, out, passphraseFile string
	var years, work int
	c := &cobra.Command{
		Use:   "keygen --id ID --out FILE",
		Short: "Make a key, and print the public half for publication",
		Long: `Makes an Ed25519 key. The private half goes into FILE, encrypted with a passphrase
(age). The public half is printed as the JSON object that releases publish.`,
		Example: "  bugspark-license keygen --id 2027a --out 2027a.key > 2027a.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if id == "" || out == "" {
				return fault.New(fault.Usage, "bugspark-license keygen --help", "--id and --out are needed")
			}
			if years < 1 || years > 20 {
				return fault.New(fault.Usage, "bugspark-license keygen --help", "%d years: a key signs for 1 to 20", years)
			}
			pass, err := t.passphrase(passphraseFile, true)
			if err != nil {
				return err
			}
			key, err := issuer.NewKey(id)
			if err != nil {
				return err
			}
			data, err := key.Encrypt(pass, work)
			if err != nil {
				return err
			}
			now := t.Now().UTC().Truncate(time.Second)
			public, err := json.MarshalIndent(license.Keys{id: license.NewKey(key.Public(), now, now.AddDate(years, 0, 0))}, "", "  ")
			if err != nil {
				return err
			}
			if err := t.write(out, data, 0o600); err != nil {
				return err
			}
			return t.write("", append(public, '\n'), 0)
		},
	}
	c.Flags().StringVar(&id, "id", "", "the key's kid, such as 2027a")
	c.Flags().StringVar(&out, "out", "", "the file for the encrypted private key; it must not be there")
	c.Flags().StringVar(&passphraseFile, "passphrase-file", "", "read the passphrase from a file instead of the terminal")
	c.Flags().IntVar(&years, "years", 3, "how long it may sign")
	c.Flags().IntVar(&work, "scrypt-work-factor", 0, "cost of guessing the passphrase, as a power of two; 0 is age's own")
	return c
}
