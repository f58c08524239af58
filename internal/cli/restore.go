package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
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

  --set latest   everything up to the newest archived WAL
  --set SET      that set as it was taken
  --time TIME    the state of that moment, such as "2026-11-24 10:30" (local time)
  --into DIR     write the set into a new directory instead and touch nothing else

On a new machine, where nothing is set up, --kit names the file with the recovery
kit; configuration and secrets then come back as well. Where it has another major
version of PostgreSQL, --logical takes the newest logical copy, at most a week old.

Exit status 3: refused before anything was changed.`,
		Example: `  bugspark restore --list
  bugspark restore --time "2026-11-24 10:29" --dry-run
  bugspark restore --time "2026-11-24 10:29"
  bugspark restore undo
  bugspark restore --kit kit.txt --target /srv/backup --set latest
  bugspark restore --set latest --into /var/restored`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRestore(cmd.Context(), env, o) },
	}
	c.Flags().BoolVar(&o.list, "list", false, "list the sets and restore nothing")
	c.Flags().StringVar(&o.set, "set", "", "`id` of the set, or latest")
	c.Flags().StringVar(&o.time, "time", "", "the `moment` to go back to")
	c.Flags().StringVar(&o.into, "into", "", "new or empty `directory`")
	c.Flags().StringVar(&o.kit, "kit", "", "`file` with the recovery kit, - for standard input")
	c.Flags().StringVar(&o.target, "target", "", "the `target` with the backups, where it is not backup.target")
	c.Flags().BoolVar(&o.logical, "logical", false, "on a new machine with another major version of PostgreSQL: from the newest logical copy")
	fromCopy(c, &o.second)
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask before the live data is exchanged")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "check, show the plan and restore nothing")
	c.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	c.AddCommand(newRestoreEnd(env, "undo", "Bring back the data that the last restore has put aside"),
		newRestoreEnd(env, "confirm", "Give up the data that the last restore has put aside"))
	return c
}

func runRestore(ctx context.Context, env Env, o restoreOptions) error {
	if !o.list && (o.set == "") == (o.time == "") {
		return fault.New(fault.Usage, "bugspark restore --list, then bugspark restore --set SET or --time TIME", "restore must be told a set or a moment, and not both")
	}
	if o.logical && (o.set != backup.Latest || o.kit == "" || o.into != "") {
		return fault.New(fault.Usage, "bugspark restore --kit FILE --target DIR --set latest --logical", "--logical is for a new machine and for the newest set with a logical copy")
	}
	moment, err := parseMoment(o.time, time.Now())
	if err != nil {
		return err
	}
	// It writes as several accounts, and reads a target that another machine's
	// account may own.
	use := job.OpenOptions{KeepRoot: true, Target: o.target, Wait: true, ReadOnly: o.list || o.dryRun, Copy: o.second}
	if o.kit != "" {
		if use.Kit, err = readKit(env, o.kit); err != nil {
			return err
		}
	}
	return withSession(ctx, env, use, func(ctx context.Context, v *vault, r *repository.Repository) error {
		wish := backup.RestoreRequest{Set: o.set, Time: moment}
		switch {
		case o.list:
			sets, err := v.session.List(ctx)
			if err != nil {
				return err
			}
			return printSets(env, sets, o.json)
		case o.into != "":
			return restoreInto(ctx, env, v, r, wish, o)
		default:
			return restoreLive(ctx, env, v, r, wish, o)
		}
	})
}

// parseMoment reads a moment as people write it, in local time unless it says
// otherwise.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly, "2006-01-02 15:04:05 MST"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			if t.After(now) {
				return t, fault.New(fault.Usage, "check the time zone: this machine's is "+now.Format("-07:00 MST"), "%s is yet to come", t.Format(time.RFC3339))
			}
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Usage, `write it as "2026-11-24 10:30", or with a zone as 2026-11-24T10:30:00+01:00`, "%q is no moment", text)
}

// restoreInto writes a set, and what the archive adds to it, into a directory.
func restoreInto(ctx context.Context, env Env, v *vault, r *repository.Repository, w backup.RestoreRequest, o restoreOptions) error {
	into, err := filepath.Abs(o.into)
	if err != nil {
		return err
	}
	if o.time != "" {
		return fault.New(fault.Usage, "bugspark restore --time TIME without --into, on another machine or with undo at hand", "--into brings back a set as it is, not a moment")
	}
	if o.set == backup.Latest {
		sets, err := r.Sets(ctx)
		if err != nil {
			return err
		}
		if len(sets) == 0 {
			return fault.New(fault.Failed, "bugspark backup create", "there is no set yet")
		}
		o.set = sets[0].ID
	}
	plan, err := backup.Prepare(ctx, r, o.set, into)
	if err != nil {
		return job.ExplainNoSet(err)
	}
	began := time.Now()
	if !o.dryRun {
		p := newTransfer(env, o.json)
		err := backup.Restore(ctx, r, plan, p.report)
		p.finish()
		if err != nil {
			return fault.Wrap(fault.Failed, err, "remove "+into+" and try again, or try an older set", "restoring set %s", o.set)
		}
	}
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(plan)
	}
	d := plan.Document
	verb := "Would restore"
	if !o.dryRun {
		verb = "Restored"
	}
	fmt.Fprintf(env.Stdout, "%s set %s of %s into %s: database %s (PostgreSQL %d), %d objects of %s; %s of %s free.\n", verb, o.set,
		d.CreatedAt.Local().Format(time.DateTime), into, size(d.Database.Bytes), d.Database.Major, d.Objects.Count, size(d.Objects.Bytes), size(plan.Bytes), size(plan.Free))
	if !o.dryRun {
		fmt.Fprintf(env.Stdout, "It took %.1f s.\n", time.Since(began).Seconds())
	}
	return nil
}
