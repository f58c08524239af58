package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func newBackup(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "backup",
		Short: "Save everything as one set, and look at what is saved",
		Long: `Backup keeps sets in the directory backup.target: database, pictures,
configuration and secrets together, encrypted, each there whole or not at all.

Without the key in /etc/bugspark/credentials/backup-key no set can be read: keep
a copy of that file where a fire in this room does not reach it.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(newBackupCreate(env), newBackupList(env), newBackupShow(env), newBackupVerify(env), newBackupPrune(env))
	return c
}

// savedSet is a set as 'backup create', 'list' and 'show' print it.
type savedSet struct {
	ID       string          `json:"id"`
	Took     float64         `json:"seconds"`
	Document backup.Document `json:"document"`
}

func newBackupCreate(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "create",
		Short:   "Save one set now",
		Long:    `Create saves one set while everything runs, and reads it back before it calls it saved.`,
		Example: "  bugspark backup create\n  bugspark backup create --json | jq -r .id",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRepository(cmd.Context(), env, true, func(ctx context.Context, i installation, r *repository.Repository) error {
				return createSet(ctx, env, i, r, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

func createSet(ctx context.Context, env Env, i installation, r *repository.Repository, asJSON bool) error {
	from, err := i.sources(env)
	if err != nil {
		return err
	}
	began := time.Now()
	p := newTransfer(env, asJSON)
	id, d, err := backup.Create(ctx, r, from, p.report)
	p.finish()
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup create' again; the sets before are untouched", "no set was saved")
	}
	s := savedSet{id, time.Since(began).Seconds(), d}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(s)
	}
	fmt.Fprintf(env.Stdout, "Saved set %s in %.1f s: database %s, %d objects of %s, %d files of the configuration.\n",
		s.ID, s.Took, size(d.Database.Bytes), d.Objects.Count, size(d.Objects.Bytes), d.Files)
	return nil
}

func newBackupList(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the sets, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRepository(cmd.Context(), env, false, func(ctx context.Context, _ installation, r *repository.Repository) error {
				return listSets(ctx, env, r, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
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
			return withRepository(cmd.Context(), env, false, func(ctx context.Context, _ installation, r *repository.Repository) error {
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
	c := &cobra.Command{
		Use:   "verify [SET]...",
		Short: "Read sets back and compare every byte with its hash",
		Long: `Verify looks for every piece that the sets need and reads them back, past any
cache. Without a set it verifies all of them. Exit status 1 means damage.`,
		Example: "  bugspark backup verify\n  bugspark backup verify --percent 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRepository(cmd.Context(), env, false, func(ctx context.Context, _ installation, r *repository.Repository) error {
				return verifySets(ctx, env, r, args, percent)
			})
		},
	}
	c.Flags().Float64Var(&percent, "percent", 100, "share of the files to read whole; of the rest only the presence is proven")
	return c
}

func verifySets(ctx context.Context, env Env, r *repository.Repository, ids []string, percent float64) error {
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
	for _, v := range verdicts {
		if len(v.Damages) == 0 {
			fmt.Fprintf(env.Stdout, "%s is good: %d entries, %s read\n", v.ID, v.Files, size(v.Bytes))
			continue
		}
		damaged++
		fmt.Fprintf(env.Stdout, "%s is DAMAGED:\n  %s\n", v.ID, strings.Join(v.Damages, "\n  "))
	}
	if damaged > 0 {
		return fault.New(fault.Failed, "take a new set at once: bugspark backup create", "%d of %d sets are damaged", damaged, len(verdicts))
	}
	return nil
}

func noSet(err error) error {
	if errors.Is(err, repository.ErrNoSet) {
		return fault.Wrap(fault.Usage, err, "bugspark backup list", "looking for the set")
	}
	return err
}

// installation is what backups need to know of this machine.
type installation struct {
	dirs config.Dirs
	cfg  config.Config
}

// withRepository opens the target's repository for work, alone: two writers at
// once would damage it. write makes the repository if there is none.
func withRepository(ctx context.Context, env Env, write bool, work func(context.Context, installation, *repository.Repository) error) error {
	i := installation{dirs: config.DirsFrom(env.Lookup)}
	var err error
	if i.cfg, err = config.Load(i.dirs, env.Lookup); err != nil {
		return err
	}
	if i.cfg.Backup.Target == "" {
		return fault.New(fault.Usage, "set backup.target in "+i.dirs.File()+" to a directory, best on another machine", "there is no backup target")
	}
	key, err := config.ReadCredential(env.Lookup, i.dirs, "backup-key")
	if err != nil || key == "" {
		return fault.Wrap(fault.Failed, err, "run 'bugspark apply', which makes one, or put the one of your recovery copy there", "there is no backup key")
	}
	unlock, err := lockFile(filepath.Join(i.dirs.Run, "backup.lock"), fault.New(fault.Failed, "wait until it has finished", "another backup, restore or verification is under way"))
	if err != nil {
		return err
	}
	defer unlock()
	o := repository.Options{Dir: i.cfg.Backup.Target, Password: key, Cache: filepath.Join(i.dirs.State, "backup", "cache"), Log: newLog(env, i.cfg.Log)}
	r, err := repository.Open(ctx, o)
	if errors.Is(err, repository.ErrMissing) && write {
		if err = repository.Create(ctx, o); err == nil {
			r, err = repository.Open(ctx, o)
		}
	}
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(ctx))
	return work(ctx, i, r)
}

// sources is everything a set of this installation holds. The backup key is not
// among it: a set that held its own key would look like a copy of it.
func (i installation) sources(env Env) (backup.Sources, error) {
	cluster, err := openCluster(env)
	if err != nil {
		return backup.Sources{}, err
	}
	objects, err := openObjects(env, i.cfg, i.dirs)
	if err != nil {
		return backup.Sources{}, err
	}
	files := map[string]string{
		"bugspark.yaml": i.dirs.File(), "ca.pem": filepath.Join(i.dirs.Config, "ca.pem"),
		"credentials/internal-ca-root-key": i.dirs.CredentialFile("internal-ca-root-key"),
	}
	for _, c := range config.Credentials() {
		if c.Name != "backup-key" {
			files["credentials/"+c.Name] = i.dirs.CredentialFile(c.Name)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return backup.Sources{}, err
	}
	return backup.Sources{Database: backup.Cluster{Cluster: cluster}, Objects: objects, Files: files, Version: Version, Host: host, Now: time.Now}, nil
}
