package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Replacer does for a customer's database, whose files are not ours to move, what
// an Exchanger does for our own: what it holds is kept as a logical copy, and the
// step that counts is one transaction.
type Replacer struct {
	Units Units
	// Users are the units that write to the database, in the order of their start,
	// and the sockets that would start them again.
	Users []string
	Dir   string // root's, for what is kept
	// Place names the database and the kind of its tables: what was kept of one must
	// not replace what another holds.
	Place   string
	Healthy func(context.Context) error
	Report  func(what string)
	// Dump streams what the database holds, and Load replaces it by such a stream,
	// all of it or nothing.
	Dump func(context.Context) (io.ReadCloser, error)
	Load func(context.Context, io.Reader) error
}

func (r *Replacer) copy() string   { return filepath.Join(r.Dir, "before-restore.dump") }
func (r *Replacer) memory() string { return filepath.Join(r.Dir, "replaced.json") }

// Pending returns the replacement that waits to be confirmed or undone.
func (r *Replacer) Pending() (Record, bool, error) {
	var d Record
	data, err := os.ReadFile(r.memory())
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		return d, false, fmt.Errorf("reading what was restored: %w", err)
	}
	return d, true, nil
}

// Ready refuses while an earlier replacement waits.
func (r *Replacer) Ready() error {
	d, pending, err := r.Pending()
	if err == nil && pending {
		err = waits(d)
	}
	return err
}

// Replace puts what dump brings into the place of what the database holds. When
// the stack is not healthy with it, the old data comes back.
func (r *Replacer) Replace(ctx context.Context, dump io.Reader, what string) error {
	r.Report("stop what uses the database")
	if err := stopAll(ctx, r.Units, r.Users); err != nil {
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("keep what the database holds")
	if err := r.keep(ctx, what); err != nil {
		err = fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "keeping what the database holds; it was not touched")
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("replace it")
	if err := r.Load(ctx, dump); err != nil {
		// A connection that breaks at the very end leaves open whether it was replaced,
		// so what was kept stays.
		err = fault.Wrap(fault.Failed, err, "correct the cause, then: bugspark restore undo, which makes sure of the old data, and restore again", "replacing the data; the database rolls back what was not finished")
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("start with the restored data")
	return settle(ctx, r.start, r.Healthy, r.Undo)
}

func (r *Replacer) start(ctx context.Context) error { return r.Units.Start(ctx, r.Users...) }

// keep writes what the database holds into a file, and remembers it once the
// file is whole and on the disk.
func (r *Replacer) keep(ctx context.Context, what string) error {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return err
	}
	dump, err := r.Dump(ctx)
	if err != nil {
		return err
	}
	defer dump.Close()
	f, err := renameio.NewPendingFile(r.copy(), renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // after it took its place it does nothing
	if _, err := io.Copy(f, dump); err != nil {
		return fmt.Errorf("keeping the old data: %w", err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("keeping the old data: %w", err)
	}
	return remember(r.memory(), Record{At: time.Now().UTC(), What: what, Place: r.Place})
}

// Undo brings the old data back; what was restored goes.
func (r *Replacer) Undo(ctx context.Context) error {
	d, pending, err := r.Pending()
	if err != nil || !pending {
		return errors.Join(err, nothing(pending))
	}
	if d.Place != r.Place {
		return fault.New(fault.Preflight, "let database-dsn lead there again; or 'bugspark restore confirm', which gives it up",
			"what was kept is of %s, and this is %s", d.Place, r.Place)
	}
	f, err := os.Open(r.copy())
	if err != nil {
		return fmt.Errorf("opening the old data: %w", err)
	}
	defer f.Close()
	r.Report("stop what uses the database")
	if err := stopAll(ctx, r.Units, r.Users); err != nil {
		return errors.Join(err, r.start(context.WithoutCancel(ctx)))
	}
	r.Report("bring the old data back")
	err = r.Load(ctx, f)
	if err == nil {
		err = r.Confirm()
	}
	return errors.Join(err, r.start(context.WithoutCancel(ctx)))
}

// Confirm gives the old data up.
func (r *Replacer) Confirm() error {
	for _, path := range []string{r.memory(), r.copy()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("giving the old data up: %w", err)
		}
	}
	return durable.SyncDir(r.Dir)
}
