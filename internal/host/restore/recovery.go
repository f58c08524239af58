package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/host/account"
)

// recovery makes a recovered copy of the set's database cluster.
type recovery struct {
	plan *Plan
	copy backup.Plan
	// durable: the copy is to be used, and not only read once.
	durable bool
	live    string // the data directory whose place the copy takes; may not be there
}

// run restores the cluster's files, replays the WAL and hands the running server
// to use. The copy is a clean data directory afterwards.
func (r *recovery) run(ctx context.Context, use func(context.Context, *scratch.Client) error) (out backup.Recovered, err error) {
	err = r.guard(ctx, func(ctx context.Context) (err error) {
		out, err = r.recover(ctx, use)
		return err
	})
	return out, err
}

// guard works while there is room for the live database, and lets the copy go when
// there is not.
func (r *recovery) guard(ctx context.Context, work func(context.Context) error) error {
	err := r.copy.Guard(ctx, work)
	if errors.Is(err, backup.ErrNoRoom) {
		err = errors.Join(err, os.RemoveAll(r.copy.Into))
	}
	return err
}

// recover has another process do what is done with the restored files. Root goes into no
// directory that another account may change.
func (r *recovery) recover(ctx context.Context, use func(context.Context, *scratch.Client) error) (out backup.Recovered, err error) {
	p := r.plan
	into := r.copy.Into
	as, err := r.home()
	if err != nil {
		return out, err
	}
	s, err := p.r.begin(ctx, scratch.Place{Data: filepath.Join(into, "database"), Dir: filepath.Join(into, "run"), Durable: r.durable}, as)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := backup.RestoreDatabase(ctx, p.r.Session.Repository, r.copy, s, p.r.Reporter.Progress); err != nil {
		return out, err
	}
	beyond, err := p.r.largestTimeline(p.Point.Document.Database.SystemIdentifier, r.live)
	if err != nil {
		return out, err
	}
	p.step("check every file and replay the WAL")
	rec := backup.Recovery{RestorePoint: p.Point, Product: p.r.Jobs.Product, Copy: s, Beyond: beyond}
	return rec.Run(ctx, func(ctx context.Context, s *scratch.Client) error {
		var err error
		if p.missing, err = backup.MissingPictures(ctx, p.r.Jobs.Product, s, p.Point, p.r.Session.Repository, p.archive); err != nil {
			return err
		}
		return use(ctx, s)
	})
}

// home makes the directory in which the process works, below one of root's, and returns
// the process's account: that of the database for data that is to be used, else one that
// has nothing.
func (r *recovery) home() (*syscall.Credential, error) {
	dir, name := filepath.Dir(r.copy.Into), account.Postgres
	if !r.durable {
		// An older version gave it away. The account has to pass it, whatever the umask is.
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o711), os.Chmod(dir, 0o711)); err != nil {
			return nil, err
		}
		dir, name = r.copy.Into, account.Scratch
	}
	as, err := account.Lookup(name)
	if err != nil {
		return nil, err
	}
	return as, account.MakeDir(dir, as)
}

// begin starts such a process. Its socket is in a directory that is root's alone.
func (r *Restorer) begin(ctx context.Context, place scratch.Place, as *syscall.Credential) (*scratch.Client, error) {
	if err := removeLeft(os.TempDir()); err != nil {
		return nil, fmt.Errorf("removing what a restore that was killed has left: %w", err)
	}
	own, err := os.MkdirTemp("", ownPrefix)
	if err != nil {
		return nil, err
	}
	s, err := r.Scratch(ctx, place, as, filepath.Join(own, "run"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	s.AfterClose(func() error { return os.RemoveAll(own) })
	return s, nil
}

// ownPrefix begins the names of the directories of begin.
const ownPrefix = "bugspark-restore-"

// removeLeft removes such directories. None is in use, because who restores or undoes holds the
// lock of the backups. Others may have put something of that name there, which stays.
func removeLeft(temp string) error {
	left, err := filepath.Glob(filepath.Join(temp, ownPrefix+"*"))
	for _, path := range left {
		info, looking := os.Lstat(path)
		if looking != nil || !info.IsDir() {
			continue
		}
		if of, ok := info.Sys().(*syscall.Stat_t); ok && int(of.Uid) == os.Geteuid() {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}
