package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/restore"
)

type restoreOptions struct {
	list   bool
	set    string
	time   string
	into   string
	kit    string
	target string
	yes    bool
	dryRun bool
	json   bool
	// logical takes the logical copy, whatever came after it.
	logical bool
	second  bool
	// setConfig are settings of a new machine that differ from those of the set.
	setConfig []string
}

func newRestore(env Env) *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore --list | --set SET | --time TIME",
		Short: "Bring the server back: to the newest state, to a moment, or from one set",
		Long: `Restore brings database and pictures back, beside the live data: the copy is
checked and recovered first, then exchanged with the live database while the API
pauses for some seconds. The old data is kept until you confirm, and comes back by
itself when the server is not healthy with the restored one.

  --set latest   everything up to the newest archived WAL; what comes in after the
                 command began is kept with the old data
  --set SET      that set as it was taken
  --time TIME    the state of that moment, such as "2026-11-24 10:30" (local time)
  --into DIR     write the set into a new directory instead and touch nothing else

On a new machine, where nothing is set up, --kit names the file with the recovery
kit; configuration and secrets then come back as well. --set-config changes a setting
that does not fit that machine, such as a port that is taken, and keeps it. Where it has another major
version of PostgreSQL, --logical takes the newest logical copy, at most a week old.
What the set makes of the new machine is shown first (on what it listens, whom it
talks to, what it runs, where it saves to) and wants to be confirmed.

Exit status 3: refused before anything was changed.`,
		Example: `  bugspark restore --list
  bugspark restore --time "2026-11-24 10:29" --dry-run
  bugspark restore --time "2026-11-24 10:29"
  bugspark restore undo
  bugspark restore --kit kit.txt --target /srv/backup --set latest
  bugspark restore --kit kit.txt --target /srv/backup --set latest --set-config server.https_port=8443
  bugspark restore --set latest --into /var/restored`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRestore(cmd.Context(), env, o) },
	}
	c.Flags().BoolVar(&o.list, "list", false, "list the sets and the moments that can be brought back, and restore nothing")
	c.Flags().StringVar(&o.set, "set", "", "`id` of the set, or latest")
	c.Flags().StringVar(&o.time, "time", "", "the `moment` to go back to")
	c.Flags().StringVar(&o.into, "into", "", "new or empty `directory`")
	c.Flags().StringVar(&o.kit, "kit", "", "`file` with the recovery kit, - for standard input")
	c.Flags().StringVar(&o.target, "target", "", "the `target` with the backups, where it is not backup.target")
	c.Flags().BoolVar(&o.logical, "logical", false, "on a new machine with another major version of PostgreSQL: from the newest logical copy")
	c.Flags().StringArrayVar(&o.setConfig, "set-config", nil, "with --kit: a setting, as `key=value`, that is to differ on the new machine; may be repeated")
	fromCopy(c, &o.second)
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask before the live data is exchanged, or a new machine becomes what the set says")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "check, show the plan and restore nothing")
	c.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	c.AddCommand(newRestoreUndo(env), newRestoreConfirm(env))
	return c
}

func runRestore(ctx context.Context, env Env, o restoreOptions) error {
	q, err := o.request()
	if err != nil {
		return err
	}
	// A restore writes as several accounts, and reads a target that another
	// machine's account may own.
	open := job.OpenOptions{KeepRoot: true, Target: o.target, Wait: true, Beside: o.list || o.dryRun, Copy: o.second, Waiting: waiting(env)}
	if o.kit != "" {
		if open.Kit, err = readKit(env, o.kit); err != nil {
			return err
		}
	}
	p, err := o.parts(env)
	if err != nil {
		return err
	}
	session, err := p.Jobs().Open(ctx, open)
	if err != nil {
		return err
	}
	defer session.Close()
	if o.list {
		return listRestorable(ctx, env, session, o.json)
	}
	report := newRestoreReport(env, o.json)
	defer report.finish()
	r, err := p.Restorer(session, report)
	if err != nil {
		return err
	}
	if o.into != "" {
		return restoreInto(ctx, env, r, q, o, report)
	}
	return restoreMachine(ctx, env, r, q, o, report)
}

// parts are those of this machine, or with a kit also of one on which nothing is set up.
func (o restoreOptions) parts(env Env) (*assembly.Parts, error) {
	if o.kit != "" {
		return env.parts()
	}
	p, err := env.configured()
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "bugspark restore --kit FILE with the same flags, on a new machine; or bugspark setup --non-interactive", "nothing can be restored without a recovery kit")
	}
	return p, nil
}

// listRestorable lists the sets, and in words the moments that --time accepts.
func listRestorable(ctx context.Context, env Env, s *job.Session, asJSON bool) error {
	sets, err := s.List(ctx)
	if err != nil {
		return err
	}
	moments, err := s.Moments(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(struct {
			Sets    []job.SavedSet `json:"sets"`
			Moments []job.Moments  `json:"moments"`
		}{sets, moments})
	}
	if err := printSets(env, sets, false); err != nil {
		return err
	}
	printMoments(env, moments)
	return nil
}

// request is what the flags ask for.
func (o restoreOptions) request() (restore.Request, error) {
	q := restore.Request{RestoreRequest: backup.RestoreRequest{Set: o.set}, Logical: o.logical, FromKit: o.kit != "", DryRun: o.dryRun, SetConfig: o.setConfig}
	if len(o.setConfig) > 0 && (o.kit == "" || o.list || o.into != "") {
		return q, fault.New(fault.Usage, "bugspark restore --kit FILE --set latest --set-config KEY=VALUE", "--set-config is for a new machine; elsewhere bugspark.yaml is edited")
	}
	if o.list && (o.set != "" || o.time != "" || o.into != "") {
		return q, fault.New(fault.Usage, "bugspark restore --list, or the other flags without it", "--list restores nothing, and takes neither a set nor a moment nor a directory")
	}
	if !o.list && (o.set == "") == (o.time == "") {
		return q, fault.New(fault.Usage, "bugspark restore --list, then bugspark restore --set SET or --time TIME", "restore must be told a set or a moment, and not both")
	}
	if o.logical && (o.set != backup.Latest || o.kit == "" || o.into != "") {
		return q, fault.New(fault.Usage, "bugspark restore --kit FILE --target DIR --set latest --logical", "--logical is for a new machine and for the newest set with a logical copy")
	}
	if o.time == "" {
		return q, nil
	}
	var err error
	q.Time, err = restore.ParseTime(o.time, time.Now())
	return q, err
}

// restoreInto writes a set into a directory.
func restoreInto(ctx context.Context, env Env, r *restore.Restorer, q restore.Request, o restoreOptions, report *restoreReport) error {
	began := time.Now()
	plan, err := r.Into(ctx, q, o.into)
	report.finish()
	if err != nil {
		return r.Session.Explain(err)
	}
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(plan)
	}
	d := plan.Document
	verb := "Would restore"
	if !o.dryRun {
		verb = "Restored"
	}
	fmt.Fprintf(env.Stdout, "%s set %s of %s into %s: database %s (PostgreSQL %d), %d objects of %s; %s of %s free.\n", verb, plan.Set,
		d.CreatedAt.Local().Format(time.DateTime), plan.Into, size(d.Database.Bytes), d.Database.Major, d.Objects.Count, size(d.Objects.Bytes), size(plan.Bytes), size(plan.Free))
	if !o.dryRun {
		fmt.Fprintf(env.Stdout, "It took %.1f s.\n", time.Since(began).Seconds())
	}
	return nil
}

// restoreMachine brings this machine back.
func restoreMachine(ctx context.Context, env Env, r *restore.Restorer, q restore.Request, o restoreOptions, report *restoreReport) error {
	words := env.Stdout
	if o.json && (o.yes || o.dryRun) {
		words = io.Discard
	} else if o.json { // whoever is asked sees what they agree to
		words = env.Stderr
	}
	q.Agree = func(plan *restore.Plan) error {
		describeSource(words, plan)
		if o.yes || o.dryRun && !plan.Reaches() {
			return nil
		}
		return confirm(env, "restore", "This machine becomes what the set says: compare the lines above with what you know of the old one.")
	}
	plan, err := r.Prepare(ctx, q)
	if err != nil && ctx.Err() != nil {
		return fault.New(fault.Failed, "run the same command again", "the restore was interrupted before anything was touched")
	}
	if err != nil {
		return r.Session.Explain(err)
	}
	defer plan.Close()
	describePlan(words, plan)
	switch {
	case o.dryRun && o.json:
		return json.NewEncoder(env.Stdout).Encode(restore.Result{RestorePoint: plan.Point})
	case o.dryRun:
		return nil
	case !o.yes && !plan.NewMachine:
		if err := confirm(env, "restore", "The live data is put aside and can be brought back until you confirm."); err != nil {
			return err
		}
	}
	out, err := plan.Run(ctx)
	report.finish()
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	tellResult(env, plan, out)
	return nil
}
