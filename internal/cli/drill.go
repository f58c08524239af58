package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func newBackupDrill(env Env) *cobra.Command {
	var asJSON, second bool
	var scratch, signed string
	c := &cobra.Command{
		Use:   "drill",
		Short: "Restore the newest state into a scratch directory, and prove that it is whole",
		Long: `Drill restores the newest set from the target, with an empty cache and without
asking anything that runs: it replays the archived WAL, compares every file and
picture with its hash, looks through every table and index, lets the API answer
from what came back, and tells how much would have been lost and how long it took.

The signed report is kept below /var/lib/bugspark/backup/drills, as JSON and as a
page; --signed proves that such a report is genuine. Exit status 1 means that the
backups did not pass, or that the report is not genuine.`,
		Example: `  bugspark backup drill
  bugspark backup drill --signed /var/lib/bugspark/backup/last-drill.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if signed != "" {
				return checkSignature(env, signed)
			}
			return runDrill(cmd.Context(), env, scratch, second, asJSON)
		},
	}
	c.Flags().StringVar(&signed, "signed", "", "hold no drill, look whether the report in this `file` is genuine")
	c.Flags().StringVar(&scratch, "scratch", "", "`directory` with room for the database (default: below /var/lib/bugspark/backup)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	fromCopy(c, &second)
	return c
}

func runDrill(ctx context.Context, env Env, scratch string, second, asJSON bool) (err error) {
	v, err := openVault(ctx, env, vaultUse{second: second})
	if err != nil {
		return err
	}
	secret, err := config.ReadCredential(env.Lookup, v.dirs, "secret-key")
	if os.IsPermission(errors.Unwrap(err)) {
		secret, err = "", nil // root has stepped down; only its presence is compared
	}
	if err != nil {
		return err
	}
	unlock, err := v.alone(true)
	if err != nil {
		return err
	}
	defer unlock()
	if scratch == "" {
		scratch = v.state("scratch")
		// What a drill that was killed has left; nothing else is ever in there.
		if err := errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, 0o700)); err != nil {
			return fault.Wrap(fault.Failed, err, "run it as root", "making the scratch directory")
		}
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	}
	report, err := v.drill(ctx, scratch, secret, newTransfer(env, asJSON))
	if err != nil {
		return err
	}
	if err := v.keepReport(report); err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(env.Stdout).Encode(report)
	} else {
		_, err = fmt.Fprint(env.Stdout, drillText(report))
	}
	if err == nil && !report.Passed {
		return fault.New(fault.Failed, "take a new set at once: bugspark backup create; then drill again", "the backups did not pass the drill: %s", report.Failures[0])
	}
	return err
}

// checkSignature tells whether a report was signed with what derives from this
// machine's backup key, and prints it.
func checkSignature(env Env, file string) error {
	data, err := os.ReadFile(file)
	var r backup.DrillReport
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return fault.Wrap(fault.Usage, err, "name the .json file of a drill, such as /var/lib/bugspark/backup/last-drill.json", "reading the report")
	}
	v := &vault{env: env, dirs: config.DirsFrom(env.Lookup)}
	if err := v.readKeys(); err != nil {
		return err
	}
	if !r.Signed(v.key) {
		return fault.New(fault.Failed, "hold a drill of your own: bugspark backup drill", "%s is not what a drill with this backup key has signed", file)
	}
	_, err = fmt.Fprintf(env.Stdout, "%s\nThe signature is genuine.\n", drillText(r))
	return err
}

func (v *vault) drill(ctx context.Context, scratch, secret string, p *transfer) (backup.DrillReport, error) {
	defer p.finish()
	failed := func(err error) (backup.DrillReport, error) {
		r := backup.DrillReport{At: time.Now().UTC(), Failures: []string{err.Error()}, Checks: []string{}}
		return r, r.Sign(v.key)
	}
	if _, err := v.target.Dir(ctx, ""); err != nil {
		return failed(err)
	}
	o := v.repositoryOptions()
	o.Cache = filepath.Join(scratch, "cache")
	r, err := repository.Open(ctx, o)
	if err != nil {
		return failed(err)
	}
	defer r.Close(context.WithoutCancel(ctx))
	a, err := v.archive()
	if err != nil {
		return failed(err)
	}
	fetch, err := fetchCommand()
	if err != nil {
		return failed(err)
	}
	d := &backup.Drill{
		Repository: r, Archive: a, Cluster: programs(v.env), Scratch: scratch, Now: time.Now, Report: p.report, Fetch: fetch,
		Secrets: func(files map[string][]byte) error { return usable(files, secret) },
		Answer:  answersFrom,
	}
	report := d.Run(ctx)
	return report, report.Sign(v.key)
}

// fetchCommand is the restore_command of this program.
func fetchCommand() (func(string) string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	return func(socket string) string {
		return fmt.Sprintf("exec '%s' wal fetch --socket '%s' '%%f' '%%p'", self, socket)
	}, nil
}

// usable proves the secrets of a set: the configuration can be read, and what
// signs is what signs today, where that is known.
func usable(files map[string][]byte, secret string) error {
	if _, err := config.Parse("bugspark.yaml of the set", files["bugspark.yaml"], func(string) (string, bool) { return "", false }); err != nil {
		return err
	}
	saved := bytes.TrimRight(files["credentials/secret-key"], "\n")
	switch {
	case len(saved) < 32:
		return fmt.Errorf("the credential secret-key of the set has %d characters, and 32 are needed", len(saved))
	case secret != "" && string(saved) != secret:
		return errors.New("the credential secret-key of the set is not the one in use")
	}
	return nil
}

// drillsKept is two years of weekly drills.
const drillsKept = 104

// keepReport stores a report as JSON and as a page, and remembers it.
func (v *vault) keepReport(r backup.DrillReport) error {
	dir := v.state("drills")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	name := filepath.Join("drills", r.At.Format("20060102T150405Z"))
	if err := v.remember(name+".json", r); err != nil {
		return err
	}
	if err := os.WriteFile(v.state(name+".txt"), []byte(drillText(r)), 0o644); err != nil {
		return fmt.Errorf("keeping the report: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		return err
	}
	for len(old) > 2*drillsKept {
		if err := os.Remove(old[0]); err != nil {
			return err
		}
		old = old[1:]
	}
	if v.place.copy {
		return nil // what is judged every day is the first target
	}
	return v.remember(drillMemory, r)
}

// drillText is the report as a page for people.
func drillText(r backup.DrillReport) string {
	var b bytes.Buffer
	verdict := "PASSED"
	if !r.Passed {
		verdict = "FAILED"
	}
	fmt.Fprintf(&b, "BugSpark restore drill of %s: %s\n\n", r.At.UTC().Format("2006-01-02 15:04:05 UTC"), verdict)
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "  FAILED   %s\n", f)
	}
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "  proven   %s\n", c)
	}
	if r.Set != "" {
		fmt.Fprintf(&b, "\n  set              %s of host %s, taken %s\n", r.Set, r.Host, r.Document.CreatedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if !r.Point.IsZero() {
		fmt.Fprintf(&b, "  brought back to  %s (WAL %s)\n", r.Point.UTC().Format("2006-01-02 15:04:05 UTC"), r.LSN)
		fmt.Fprintf(&b, "  at most lost     %.0f s of work (RPO)\n", r.Lost)
		fmt.Fprintf(&b, "  reports          %d, projects %d, accounts %d\n", r.Rows["reports"], r.Rows["projects"], r.Rows["accounts"])
		fmt.Fprintf(&b, "  pictures         %d (%s)\n", r.Objects, size(r.Bytes))
	}
	fmt.Fprintf(&b, "  took             %.1f s (RTO on this machine)\n  signed           Ed25519 %s\n", r.Took, r.Signature)
	return b.String()
}
