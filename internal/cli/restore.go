package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
)

type restoreOptions struct {
	list   bool
	set    string
	into   string
	dryRun bool
	json   bool
}

func newRestore(env Env) *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore --list | --set SET --into DIR",
		Short: "Bring a set back into a directory",
		Long: `Restore writes a set into a new or empty directory, beside whatever runs: the
database cluster as DIR/database, every picture under its key in DIR/objects, and
configuration and secrets in DIR/config. It checks space first and what it wrote
afterwards; a directory with set.json in it is whole.`,
		Example: `  bugspark restore --list
  bugspark restore --set latest --into /var/tmp/restored --dry-run
  bugspark restore --set latest --into /var/tmp/restored`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !o.list && (o.set == "" || o.into == "") {
				return fault.New(fault.Usage, "bugspark restore --list, then bugspark restore --set SET --into DIR", "restore must be told the set and the directory")
			}
			return withRepository(cmd.Context(), env, false, func(ctx context.Context, _ installation, r *repository.Repository) error {
				if o.list {
					return listSets(ctx, env, r, o.json)
				}
				return restoreSet(ctx, env, r, o)
			})
		},
	}
	c.Flags().BoolVar(&o.list, "list", false, "list the sets and restore nothing")
	c.Flags().StringVar(&o.set, "set", "", "`id` of the set, or latest")
	c.Flags().StringVar(&o.into, "into", "", "new or empty `directory`")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "check, show the plan and restore nothing")
	c.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return c
}

func restoreSet(ctx context.Context, env Env, r *repository.Repository, o restoreOptions) error {
	into, err := filepath.Abs(o.into)
	if err != nil {
		return err
	}
	if o.set == "latest" {
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
		return noSet(err)
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
