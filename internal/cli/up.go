package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/terminal"
)

type upOptions struct {
	dir         string
	http, https int
	json        bool
}

func newUp(env Env) *cobra.Command {
	var o upOptions
	c := &cobra.Command{
		Use:   "up --dir DIR",
		Short: "Run the whole stack in the foreground, to try it",
		Long: `Up runs database, API, dashboard and proxy as children of this program, with all
data below DIR. It needs no systemd;
Ctrl-C stops everything, and the next run with the same DIR goes on where it
stopped. Pictures are kept in a directory instead of MinIO.

It is for evaluation and development: nothing is sandboxed. A server that holds
anybody's data is made by 'bugspark setup'.`,
		Example: `  bugspark up --dir /var/tmp/bugspark
  bugspark up --dir ~/bugspark --https-port 9443 --http-port 9080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUp(cmd.Context(), env, o) },
	}
	c.Flags().StringVar(&o.dir, "dir", "", "`directory` for configuration, secrets and data")
	c.Flags().IntVar(&o.https, "https-port", 8443, "port for everything")
	c.Flags().IntVar(&o.http, "http-port", 8080, "port that redirects to HTTPS")
	c.Flags().BoolVar(&o.json, "json", false, "print the address and the one-time password as one line of JSON, the log to standard error")
	return c
}

func runUp(ctx context.Context, env Env, o upOptions) error {
	if o.dir == "" {
		return fault.New(fault.Usage, "bugspark up --dir /var/tmp/bugspark", "--dir is missing")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	out := env.Stdout
	if o.json {
		out = env.Stderr
	}
	return assembly.Foreground{
		Env: env.assembly(), Dir: dir, HTTP: o.http, HTTPS: o.https, Out: terminal.Raw(out), Color: terminal.Is(out),
		Ready: func(p *assembly.Parts, root, password string) error {
			return announce(env, p, root, password, dir, o.json)
		},
	}.Run(ctx)
}

// announce says where everything is.
func announce(env Env, p *assembly.Parts, root, password, dir string, asJSON bool) error {
	r := setupResult{URL: p.Config.Server.PublicURL(), CA: root, AdminEmail: p.Config.Accounts.AdminEmail, OneTimePassword: password}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(r)
	}
	fmt.Fprintf(env.Stdout, "\n  BugSpark runs at   %s\n  its CA             %s\n  first account      %s\n", r.URL, r.CA, r.AdminEmail)
	if password != "" {
		fmt.Fprintf(env.Stdout, "  one-time password  %s\n", password)
	} else {
		fmt.Fprintf(env.Stdout, "  its password       as you changed it\n")
	}
	_, err := fmt.Fprintf(env.Stdout, "  data               %s\n\n  Ctrl-C stops everything.\n\n", dir)
	return err
}
