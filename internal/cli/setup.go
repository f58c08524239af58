package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/progress"
)

type setupOptions struct {
	answers        string
	nonInteractive bool
	dryRun         bool
	json           bool
}

// setupResult is what 'setup --json' prints. OneTimePassword is empty when the
// first administrator has signed in already.
type setupResult struct {
	URL             string         `json:"url"`
	CA              string         `json:"ca,omitempty"`
	AdminEmail      string         `json:"admin_email"`
	OneTimePassword string         `json:"one_time_password,omitempty"`
	Changes         []setup.Change `json:"changes"`
	Backups         string         `json:"backups,omitempty"` // where they go
}

func newSetup(env Env) *cobra.Command {
	var o setupOptions
	c := &cobra.Command{
		Use:   "setup",
		Short: "Make this machine a BugSpark server",
		Long: `Setup checks the machine, makes the secrets, the certificate authority and the
configuration, starts every unit, proves that the whole answers, and makes the
first administrator, whose one-time password it prints once. Backups run from then
on, into /var/backups/bugspark unless the answers name another backup.target.

Nothing is changed before every check has passed. It may be interrupted at any
moment and run again.`,
		Example: `  bugspark setup --non-interactive
  bugspark setup --non-interactive --answers answers.yaml
  bugspark setup --non-interactive --answers - --json <answers.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSetup(cmd.Context(), env, o) },
	}
	c.Flags().StringVar(&o.answers, "answers", "", "`file` with the settings to change, in the form of bugspark.yaml; - is standard input")
	c.Flags().BoolVar(&o.nonInteractive, "non-interactive", false, "ask nothing: take the answers file and the defaults")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "check and show the plan, change nothing")
	c.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return c
}

func runSetup(ctx context.Context, env Env, o setupOptions) error {
	if !o.nonInteractive {
		return fault.New(fault.Usage, "bugspark setup --non-interactive [--answers FILE]",
			"setup has no questions to ask yet and must be told so")
	}
	answers, err := setup.ReadAnswers(env.Stdin, o.answers)
	if err != nil {
		return err
	}
	parts, data, err := assembly.ForSetup(env.assembly(), answers)
	if err != nil {
		return err
	}
	m, err := parts.Machine(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	if o.dryRun {
		return printPlan(ctx, env, m, o.json, "setup")
	}
	if _, err := m.Preflight(ctx); err != nil {
		return err
	}
	unlock, err := setup.Lock(ctx, m.Dirs, waiting(env))
	if err != nil {
		return err
	}
	defer unlock()
	p := progress.NewSteps(env.out(o.json))
	p.Concise = true
	beside := m.SetUp(ctx, data, p.Change, func(told assembly.Told) error {
		p.Finish()
		r := setupResult{URL: m.Config.Server.PublicURL(), AdminEmail: m.Config.Accounts.AdminEmail, OneTimePassword: told.OneTimePassword, Changes: told.Changes, Backups: m.Config.Backup.Target}
		if m.Config.TLS.Mode == "internal" {
			r.CA = m.Site.RootCertificate()
		}
		return r.print(env.Stdout, o.json)
	})
	p.Finish()
	if !setup.Served(beside) || o.json {
		return beside
	}
	if err := tellOfBackups(env.Stdout, m); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(env.Stdout, "Next: bugspark status"); err != nil {
		return err
	}
	return beside
}

// tellOfBackups prints what is to be done about the backups.
func tellOfBackups(w io.Writer, m *assembly.Machine) error {
	s, err := m.Backups()
	if err != nil {
		return err
	}
	for _, note := range s.Attention() {
		if _, err := fmt.Fprintf(w, "! %s\n", note); err != nil {
			return err
		}
	}
	return printBefore(w, s)
}

// printBefore names backups that the target does not name any more.
func printBefore(w io.Writer, s health.Status) error {
	if s.Before == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "Backups from before lie in %[1]s: 'bugspark restore --target %[1]s ...' uses them, 'rm -r %[1]s' deletes them.\n", s.Before)
	return err
}

func (r setupResult) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var err error
	line := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format+"\n", args...)
		}
	}
	line("")
	if len(r.Changes) == 0 {
		line("Nothing had to be changed.")
	}
	line("BugSpark runs at   %s", r.URL)
	if r.CA != "" {
		line("its CA             %s (give it to your browsers)", r.CA)
	}
	line("first account      %s", r.AdminEmail)
	if r.OneTimePassword != "" {
		line("one-time password  %s (shown once; to be changed at the first sign-in)", r.OneTimePassword)
	}
	if r.Backups != "" {
		line("backups go to      %s, from now on", r.Backups)
	}
	line("")
	return err
}
