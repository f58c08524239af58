package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
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
}

func newSetup(env Env) *cobra.Command {
	var o setupOptions
	c := &cobra.Command{
		Use:   "setup",
		Short: "Make this machine a BugSpark server",
		Long: `Setup checks the machine, makes the secrets, the certificate authority and the
configuration, starts every unit, proves that the whole answers, and makes the
first administrator, whose one-time password it prints once.

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
	dirs := config.DirsFrom(env.Lookup)
	data, cfg, err := wantedConfig(env, o.answers, dirs)
	if err != nil {
		return err
	}
	m, err := openMachine(ctx, env, dirs, cfg)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := setup.Preflight(ctx, m.checks(ctx)); err != nil {
		return err
	}
	p := newProgress(env, o.json)
	conv := m.converger(p)
	if o.dryRun {
		return printPlan(ctx, env, conv, o.json)
	}
	if err := setup.WriteConfig(dirs, data); err != nil {
		return err
	}
	made, err := conv.Apply(ctx)
	p.finish()
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark setup' again; it goes on where it stopped", "setting up")
	}
	password, err := firstAdministrator(ctx, env, dirs, cfg)
	if err != nil {
		return err
	}
	if err := setup.Finish(dirs); err != nil {
		return err
	}
	r := setupResult{URL: cfg.Server.PublicURL(), AdminEmail: cfg.Accounts.AdminEmail, OneTimePassword: password, Changes: made}
	if cfg.TLS.Mode == "internal" {
		r.CA = m.site.RootCertificate()
	}
	return r.print(env.Stdout, o.json)
}

// wantedConfig decides which configuration setup is about: the answers, or what
// is on the machine already.
func wantedConfig(env Env, answers string, dirs config.Dirs) ([]byte, config.Config, error) {
	existing, err := setup.Existing(dirs)
	if err != nil {
		return nil, config.Config{}, fault.Wrap(fault.Preflight, err, "", "reading the configuration")
	}
	given := existing
	name := dirs.File()
	switch answers {
	case "":
	case "-":
		name = "standard input"
		given, err = io.ReadAll(io.LimitReader(env.Stdin, 1<<20))
	default:
		name = answers
		given, err = os.ReadFile(answers)
	}
	if err != nil {
		return nil, config.Config{}, fault.Wrap(fault.Preflight, err, "", "reading the answers")
	}
	applied, err := setup.ReadApplied(dirs)
	if err != nil {
		return nil, config.Config{}, err
	}
	if applied.Finished && answers == "" {
		cfg, err := config.Parse(name, existing, env.Lookup)
		return existing, cfg, err
	}
	data, cfg, err := setup.CompleteConfig(name, given, env.Lookup)
	if err != nil {
		return nil, config.Config{}, err
	}
	if applied.Finished && string(data) != string(existing) {
		return nil, config.Config{}, fault.New(fault.Preflight,
			"edit "+dirs.File()+", then run 'bugspark plan' and 'bugspark apply'",
			"this machine is set up already, and these answers differ from its configuration")
	}
	return data, cfg, nil
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
	return err
}

// firstAdministrator makes the first account and returns its one-time password.
// When an earlier setup made it but was interrupted before it could be told,
// the password is replaced; once setup has finished it is never touched again.
func firstAdministrator(ctx context.Context, env Env, dirs config.Dirs, cfg config.Config) (string, error) {
	applied, err := setup.ReadApplied(dirs)
	if err != nil || applied.Finished {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return ensureAdministrator(ctx, env, dirs, cfg, slog.New(slog.DiscardHandler))
}
