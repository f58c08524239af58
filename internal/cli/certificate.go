package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
)

func newCertificate(env Env) *cobra.Command {
	c := &cobra.Command{Use: "certificate", Short: "Use a certificate of your own", Args: cobra.NoArgs}
	c.AddCommand(newCertificateInstall(env))
	return c
}

func newCertificateInstall(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "install CERTIFICATE KEY",
		Short: "Copy a certificate and its key to where the server reads them",
		Long: `Install checks that the certificates of the file, the key and the time fit, and on a
machine that is set up the name (setup checks it otherwise), and copies the files to
/etc/bugspark/tls, where of all accounts only root and the proxy can read the key.
The files that are given stay as they are, and may be readable by root alone.

It sets tls.mode, tls.certificate and tls.key in bugspark.yaml; 'bugspark apply' puts
that in force. Later the same command installs a renewed certificate, which is served
within seconds and needs no apply.`,
		Example: "  bugspark certificate install /etc/ssl/bugs.example.org.pem /etc/ssl/private/bugs.example.org.key",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := assembly.InstallCertificate(cmd.Context(), env.assembly(), args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(out)
			}
			_, err = fmt.Fprintln(env.Stdout, out)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
