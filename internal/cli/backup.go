package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

func newBackup(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "backup",
		Short: "Save everything as one set, and look at what is saved",
		Long: `Backup keeps sets in backup.target, a directory, a bucket or an SFTP server: database, pictures,
configuration and secrets together, encrypted, each there whole or not at all.

Between two sets the WAL and new pictures are archived every few seconds, so that
every moment of the last days can be brought back. 'bugspark backup kit' prints
the recovery kit, without which nobody can read any of it.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(newBackupCreate(env), newBackupList(env), newBackupShow(env), newBackupVerify(env), newBackupPrune(env),
		newBackupKit(env), newBackupDrill(env), newBackupCheck(env), newBackupCopy(env), newBackupSSHKey(env))
	return c
}

// savedSet is a set as 'backup create', 'list' and 'show' print it.
type savedSet struct {
	ID       string          `json:"id"`
	Took     float64         `json:"seconds"`
	Document backup.Document `json:"document"`
}

func newBackupCreate(env Env) *cobra.Command {
	var asJSON, claim, logical bool
	c := &cobra.Command{
		Use:   "create",
		Short: "Save one set now",
		Long: `Create saves one set while everything runs, and reads it back before it calls it saved.

It refuses a target without owner.json, which is what a missing mount looks like,
and one that another machine writes to. --claim makes such a target this
machine's: a new and empty one, or that of a machine which is gone for good.

Once a week a set holds a logical copy of the database as well, from which it can
be restored onto another major version of PostgreSQL; --logical adds one now.`,
		Example: "  bugspark backup create\n  bugspark backup create --json | jq -r .id",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRepository(cmd.Context(), env, vaultUse{create: true, claim: claim}, func(ctx context.Context, v *vault, r *repository.Repository) error {
				v.sources.Logical = logical
				return createSet(ctx, env, v, r, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Flags().BoolVar(&logical, "logical", false, "with a logical copy of the database, whenever the last one was made")
	c.Flags().BoolVar(&claim, "claim", false, "make the target this machine's, whose ever it was")
	return c
}

// logicalEvery is how often a set holds a logical copy as well.
const logicalEvery = 6*24*time.Hour + 12*time.Hour

func createSet(ctx context.Context, env Env, v *vault, r *repository.Repository, asJSON bool) error {
	began := time.Now()
	if !v.sources.Logical {
		last, err := backup.LastLogical(ctx, r)
		if err != nil {
			return err
		}
		v.sources.Logical = began.Sub(last.CreatedAt) > logicalEvery
	}
	p := newTransfer(env, asJSON)
	id, d, err := backup.Create(ctx, r, v.sources, p.report)
	p.finish()
	// The engine's errors are texts, so the target is asked as well.
	if free, asking := v.target.Free(ctx); err != nil && (errors.Is(err, syscall.ENOSPC) || asking == nil && free < target.Reserve) {
		return fault.Wrap(fault.Failed, syscall.ENOSPC, "make room there, or: bugspark backup prune --now", "no set was saved, the sets before are untouched; the backup target %s is full", v.target)
	}
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup create' again; the sets before are untouched", "no set was saved")
	}
	s := savedSet{id, time.Since(began).Seconds(), d}
	if err := v.saved(s, began); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(s)
	}
	fmt.Fprintf(env.Stdout, "Saved set %s in %.1f s: database %s, %d objects of %s, %d files of the configuration.\n",
		s.ID, s.Took, size(d.Database.Bytes), d.Objects.Count, size(d.Objects.Bytes), d.Files)
	return nil
}

func newBackupList(env Env) *cobra.Command {
	var asJSON, second bool
	c := &cobra.Command{
		Use: "list", Short: "List the sets, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRepository(cmd.Context(), env, vaultUse{look: true, second: second}, func(ctx context.Context, _ *vault, r *repository.Repository) error {
				return listSets(ctx, env, r, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	fromCopy(c, &second)
	return c
}

func listSets(ctx context.Context, env Env, r *repository.Repository, asJSON bool) error {
	sets, err := r.Sets(ctx)
	if err != nil {
		return err
	}
	out := []savedSet{}
	for _, s := range sets {
		d, err := backup.Read(ctx, r, s.ID)
		if err != nil {
			return err
		}
		out = append(out, savedSet{s.ID, s.EndedAt.Sub(s.BeganAt).Seconds(), d})
	}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	if len(out) == 0 {
		fmt.Fprintln(env.Stdout, "There is no set yet; next: bugspark backup create")
		return nil
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SET\tTAKEN\tDATABASE\tREPORTS\tOBJECTS\tVERSION")
	for _, s := range out {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d (%s)\t%s\n", s.ID, s.Document.CreatedAt.Local().Format(time.DateTime),
			size(s.Document.Database.Bytes), s.Document.Database.Rows["reports"], s.Document.Objects.Count, size(s.Document.Objects.Bytes), s.Document.Version)
	}
	return w.Flush()
}

func newBackupShow(env Env) *cobra.Command {
	return &cobra.Command{
		Use: "show SET", Short: "Show everything that is known of a set, as JSON", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRepository(cmd.Context(), env, vaultUse{look: true}, func(ctx context.Context, _ *vault, r *repository.Repository) error {
				d, err := backup.Read(ctx, r, args[0])
				if err != nil {
					return noSet(err)
				}
				e := json.NewEncoder(env.Stdout)
				e.SetIndent("", "  ")
				return e.Encode(d)
			})
		},
	}
}

func newBackupVerify(env Env) *cobra.Command {
	var percent float64
	var scheduled, second bool
	c := &cobra.Command{
		Use:   "verify [SET]...",
		Short: "Read sets back and compare every byte with its hash",
		Long: `Verify looks for every piece that the sets need and reads them back, past any
cache. Without a set it verifies all of them. Exit status 1 means damage.`,
		Example: "  bugspark backup verify\n  bugspark backup verify --percent 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRepository(cmd.Context(), env, vaultUse{second: second}, func(ctx context.Context, v *vault, r *repository.Repository) error {
				return verifySets(ctx, env, v, r, args, percent, scheduled)
			})
		},
	}
	c.Flags().BoolVar(&scheduled, "scheduled", false, "read 5 percent, or everything when that was last done a week ago")
	fromCopy(c, &second)
	c.Flags().Float64Var(&percent, "percent", 100, "share of the files to read whole; of the rest only the presence is proven")
	return c
}

// fullEvery is how often a scheduled verification reads every byte.
const fullEvery = 6*24*time.Hour + 12*time.Hour

func verifySets(ctx context.Context, env Env, v *vault, r *repository.Repository, ids []string, percent float64, scheduled bool) error {
	memory, err := readMemory(v.dirs)
	if err != nil {
		return err
	}
	now := time.Now()
	if scheduled && now.Sub(memory.Verify.Full) < fullEvery {
		percent = 5
	}
	all := len(ids) == 0
	if len(ids) == 0 {
		sets, err := r.Sets(ctx)
		if err != nil {
			return err
		}
		for _, s := range sets {
			ids = append(ids, s.ID)
		}
	}
	verdicts, err := r.Verify(ctx, ids, percent)
	if err != nil {
		return noSet(err)
	}
	damaged := 0
	found := rememberedVerify{At: now, Full: memory.Verify.Full}
	for _, verdict := range verdicts {
		if len(verdict.Damages) == 0 {
			fmt.Fprintf(env.Stdout, "%s is good: %d entries, %s read\n", verdict.ID, verdict.Files, size(verdict.Bytes))
			continue
		}
		damaged++
		found.Damaged = append(found.Damaged, verdict.ID)
		fmt.Fprintf(env.Stdout, "%s is DAMAGED:\n  %s\n", verdict.ID, strings.Join(verdict.Damages, "\n  "))
	}
	if all && !v.place.copy {
		if percent == 100 {
			found.Full = now
		} else if damaged == 0 {
			found.Damaged = memory.Verify.Damaged // a sample does not take back what a full reading found
		}
		if err := v.remember(verifyMemory, found); err != nil {
			return err
		}
	}
	if damaged > 0 {
		return fault.New(fault.Failed, "take a new set at once: bugspark backup create", "%d of %d sets are damaged", damaged, len(verdicts))
	}
	return nil
}

// fromCopy is the flag of commands that can use the second target.
func fromCopy(c *cobra.Command, second *bool) {
	c.Flags().BoolVar(second, "copy", false, "use the second target, backup.copy.target")
}

func noSet(err error) error {
	if errors.Is(err, repository.ErrNoSet) {
		return fault.Wrap(fault.Usage, err, "bugspark backup list", "looking for the set")
	}
	return err
}
