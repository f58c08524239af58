package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/health"
)

func newStatus(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what runs and how it is",
		Long: `Status asks systemd about every unit and the proxy for an answer, and judges the
backups, the room on the disk and the certificate. It names jobs whose last run
failed, and a restore that is neither confirmed nor undone.

It judges what was applied. An edit of bugspark.yaml that was not applied yet is said,
and changes neither the state nor the exit status.

Exit status: 0 everything is well, 1 a service is down, stopped, or nobody is served,
3 this machine is not set up, 5 everybody is served, but backups, a job, a helper,
disk, certificate or a restore need attention.`,
		Example: "  bugspark status\n  bugspark status --json | jq -r .state",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := openMachine(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			s, err := m.Describe(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(env.Stdout).Encode(s)
			} else {
				err = printStatus(env, s)
			}
			if err != nil {
				return err
			}
			return statusOf(s.State)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// statusOf is the exit status of a state.
func statusOf(s health.State) error {
	switch s {
	case health.Healthy:
		return nil
	case health.Attention:
		return &exitStatus{int(fault.NeedsAttention)}
	}
	return &exitStatus{int(fault.Failed)} // stopped is not served, whoever wanted it
}

func printStatus(env Env, r assembly.Status) error {
	w := tabwriter.NewWriter(env.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintf(env.Stdout, "BugSpark %s at %s %s\n%s\n", r.Version, r.URL, r.State.Verdict(), r.Backup.Sentence())
	for _, note := range r.Attention {
		if note != r.Backup.Sentence() { // that is the line before
			fmt.Fprintf(env.Stdout, "! %s\n", note)
		}
	}
	if err := printBefore(env.Stdout, r.Backup); err != nil {
		return err
	}
	if r.Edit != "" {
		fmt.Fprintf(env.Stdout, "%s\n", strings.ToUpper(r.Edit[:1])+r.Edit[1:])
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
	if r.Answer != "ok" && r.State != health.Stopped {
		fmt.Fprintf(env.Stdout, "\n%s/health does not answer: %s\n", r.URL, r.Answer)
	}
	if r.SetupNext != "" {
		fmt.Fprintf(env.Stdout, "\n%s\n", r.SetupNext)
	}
	return nil
}

func mebibytes(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}
