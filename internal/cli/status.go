package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/supervisor"
)

// statusReport is what 'status --json' prints.
type statusReport struct {
	Healthy bool              `json:"healthy"`
	Backup  backupStatus      `json:"backup"`
	URL     string            `json:"url"`
	Version string            `json:"version"`
	Answer  string            `json:"answer"` // "ok", or why /health does not answer
	Setup   string            `json:"setup"`  // "finished" or "unfinished"
	Units   []supervisor.Unit `json:"units"`
}

func newStatus(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what runs and how it is",
		Long:  "Status asks systemd about every unit and the proxy for an answer.\n\nExit status: 0 everything is healthy, 1 something is not.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := openConfigured(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			r, err := m.status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(env.Stdout).Encode(r)
			} else {
				err = r.print(env)
			}
			if err == nil && !r.Healthy {
				err = &exitStatus{1}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (m *machine) status(ctx context.Context) (statusReport, error) {
	applied, err := setup.ReadApplied(m.site.Dirs)
	r := statusReport{Healthy: true, URL: m.site.Config.Server.PublicURL(), Version: Version, Answer: "ok", Setup: "unfinished"}
	switch {
	case err != nil:
		r.Setup = "unknown" // the state is root's; everybody may see the rest
	case applied.Finished:
		r.Setup = "finished"
	}
	if r.Units, err = m.Units(ctx); err != nil {
		return r, err
	}
	for _, u := range r.Units {
		r.Healthy = r.Healthy && u.Healthy
	}
	if r.Backup, err = lookAtBackups(m.site.Dirs, m.site.Config, time.Now(), lookAtTarget(m.env, m.site.Dirs, m.site.Config)); err != nil {
		return r, err
	}
	quick, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := answers(quick, m.site); err != nil {
		r.Healthy, r.Answer = false, err.Error()
	}
	return r, nil
}

func (r statusReport) print(env Env) error {
	w := tabwriter.NewWriter(env.Stdout, 2, 8, 2, ' ', 0)
	verdict := "healthy"
	if !r.Healthy {
		verdict = "NOT HEALTHY"
	}
	fmt.Fprintf(env.Stdout, "BugSpark %s at %s is %s\n%s\n", r.Version, r.URL, verdict, r.Backup.sentence())
	for _, p := range r.Backup.Problems {
		fmt.Fprintf(env.Stdout, "! %s\n", p)
	}
	fmt.Fprintln(env.Stdout)
	fmt.Fprintln(w, "UNIT\tSTATE\tSINCE\tRESTARTS\tMEMORY")
	for _, u := range r.Units {
		state := u.State + " (" + u.SubState + ")"
		if !u.Healthy {
			state = "! " + state
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", u.Name, state, u.Since, u.Restarts, mebibytes(u.MemoryBytes))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, u := range r.Units {
		if u.Why != "" {
			fmt.Fprintf(env.Stdout, "\n%s:\n  %s\n", u.Name, strings.ReplaceAll(strings.TrimSpace(u.Why), "\n", "\n  "))
		}
	}
	if r.Answer != "ok" {
		fmt.Fprintf(env.Stdout, "\n%s/health does not answer: %s\n", r.URL, r.Answer)
	}
	if r.Setup == "unfinished" {
		fmt.Fprintln(env.Stdout, "\nSetup has not finished; next: bugspark setup --non-interactive")
	}
	return nil
}

func mebibytes(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

// heldPorts are the ports our own sockets listen on already.
func (m *machine) heldPorts(ctx context.Context) (map[int]bool, error) {
	return setup.HeldPorts(m.set, m.site.Config, func(name string) (bool, error) { return m.Active(ctx, name) })
}
