// Package exchange puts a restored database cluster into the place of the one
// that runs, and keeps the old one until somebody says that it may go.
//
// The step that counts is one rename that exchanges two directories: whatever
// happens, the server finds the old data or the new, each whole.
package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Units is what an exchange asks of the service manager.
type Units interface {
	Start(ctx context.Context, units ...string) error
	Stop(ctx context.Context, units ...string) error
}

// Exchanger works on one installation.
type Exchanger struct {
	Units Units
	// Users are the units that use the database, in the order of their start; the
	// database itself is the first.
	Users   []string
	Dir     string // of the cluster: its data is Dir/data
	Memory  string // file that remembers an exchange which was not confirmed
	Healthy func(context.Context) error
	// StartNewTimeline moves the stopped data to a timeline beyond those of the other data,
	// which has begun one of its own meanwhile.
	StartNewTimeline func(ctx context.Context, data, other string) error
	Report           func(what string)
}

// Record describes an exchange that is about to be made, or that was made and waits
// to be confirmed.
type Record struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // came into place, for people
	// Old is the inode of the directory that was replaced. Where it is found tells
	// on which side of the one rename that counts an interruption came.
	Old uint64 `json:"old_inode,omitempty"`
	// Place is where the data is that a Replacer has replaced.
	Place string `json:"place,omitempty"`
}

// Names below the cluster's directory.
const (
	live    = "data"
	next    = "restoring"      // where a restore prepares its copy
	standby = "before-restore" // the copy that is ready, then the old data
)

// Next is where a copy is made ready.
func (e *Exchanger) Next() string { return filepath.Join(e.Dir, next) }

func (e *Exchanger) path(name string) string { return filepath.Join(e.Dir, name) }

// Pending returns the exchange that waits to be confirmed or undone.
func (e *Exchanger) Pending() (Record, bool, error) {
	var d Record
	data, err := os.ReadFile(e.Memory)
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		return d, false, fmt.Errorf("reading what was restored: %w", err)
	}
	old, err := inode(e.path(standby))
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	return d, err == nil && old == d.Old, err
}

// Ready refuses while an earlier exchange waits.
func (e *Exchanger) Ready() error {
	d, pending, err := e.Pending()
	if err != nil {
		return err
	}
	if pending {
		return waits(d)
	}
	return nil
}

func waits(d Record) error {
	return fault.New(fault.Preflight, "bugspark restore confirm, which gives the old data up, or bugspark restore undo",
		"the restore of %s (%s) was neither confirmed nor undone", d.At.Local().Format(time.DateTime), d.What)
}

// Clear removes everything but the data that is in place: what a restore has
// left that was interrupted, or undone. Call it after Ready.
func (e *Exchanger) Clear() error {
	if err := os.Remove(e.Memory); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting an earlier restore: %w", err)
	}
	if err := errors.Join(os.RemoveAll(e.path(standby)), os.RemoveAll(e.Next())); err != nil {
		return fmt.Errorf("clearing away an earlier restore: %w", err)
	}
	return nil
}

// Swap puts the data directory copy, below Next, into place. When the stack is
// not healthy with it the old data comes back. Without any old data, as on a new
// machine, the copy is only moved; the caller starts the units.
func (e *Exchanger) Swap(ctx context.Context, copy, what string) error {
	old, err := inode(e.path(live))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(os.Rename(copy, e.path(live)), durable.SyncDir(e.Dir))
	}
	if err != nil {
		return err
	}
	// The copy waits where the old data will be kept, so that the exchange itself
	// is all there is to do, and undoing it is the same once more.
	if err := errors.Join(e.remember(Record{At: time.Now().UTC(), What: what, Old: old}), os.Rename(copy, e.path(standby)), durable.SyncDir(e.Dir)); err != nil {
		return err
	}
	e.Report("stop what uses the database")
	if err := e.stop(ctx); err != nil {
		return errors.Join(err, e.start(ctx))
	}
	e.Report("exchange the data")
	if err := e.exchange(); err != nil {
		return errors.Join(err, e.start(ctx))
	}
	e.Report("start with the restored data")
	return settle(ctx, e.start, e.Healthy, e.Undo)
}

// settle starts the stack with the restored data, and takes it back when it is
// not healthy.
func settle(ctx context.Context, start, healthy, undo func(context.Context) error) error {
	err := start(ctx)
	if err == nil {
		err = healthy(ctx)
	}
	if err == nil {
		return nil
	}
	if back := undo(context.WithoutCancel(ctx)); back != nil {
		return errors.Join(err, fmt.Errorf("and the way back failed: %w", back))
	}
	return fault.Wrap(fault.Failed, err, "journalctl -u 'bugspark-*' -e", "the restored data did not come up, so the old data is back")
}

// Undo brings the old data back; what was restored goes.
func (e *Exchanger) Undo(ctx context.Context) error {
	if _, pending, err := e.Pending(); err != nil || !pending {
		return errors.Join(err, nothing(pending))
	}
	e.Report("stop what uses the database")
	if err := e.stop(ctx); err != nil {
		return err
	}
	// Before the exchange: data in place that has not forked could be taken, in
	// the archive, for what the restored data has written.
	e.Report("begin a new timeline")
	if err := e.StartNewTimeline(ctx, e.path(standby), e.path(live)); err != nil {
		return errors.Join(err, e.start(ctx))
	}
	e.Report("exchange the data")
	if err := e.exchange(); err != nil {
		return errors.Join(err, e.start(ctx))
	}
	e.Report("start with the old data")
	if err := e.start(ctx); err != nil {
		return err
	}
	return e.Clear()
}

// Confirm gives the old data up.
func (e *Exchanger) Confirm() error {
	if _, pending, err := e.Pending(); err != nil || !pending {
		return errors.Join(err, nothing(pending))
	}
	return e.Clear()
}

func nothing(pending bool) error {
	if pending {
		return nil
	}
	return ErrNothingPending()
}

// ErrNothingPending says that no restore waits.
func ErrNothingPending() error {
	return fault.New(fault.Usage, "bugspark restore --help", "no restore waits to be confirmed or undone")
}

// exchange swaps the two directories in one atomic rename.
func (e *Exchanger) exchange() error {
	if err := unix.Renameat2(unix.AT_FDCWD, e.path(standby), unix.AT_FDCWD, e.path(live), unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchanging %s and %s: %w", e.path(standby), e.path(live), err)
	}
	return durable.SyncDir(e.Dir)
}

func inode(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, &fs.PathError{Op: "looking at", Path: path, Err: err}
	}
	return st.Ino, nil
}

func (e *Exchanger) stop(ctx context.Context) error { return stopAll(ctx, e.Units, e.Users) }

// stopAll stops units in the reverse of the order of their start.
func stopAll(ctx context.Context, units Units, names []string) error {
	for _, name := range slices.Backward(names) {
		if err := units.Stop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (e *Exchanger) start(ctx context.Context) error { return e.Units.Start(ctx, e.Users...) }

func (e *Exchanger) remember(d Record) error { return remember(e.Memory, d) }

func remember(file string, d Record) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := durable.WriteJSON(file, d, 0o600); err != nil {
		return fmt.Errorf("remembering the restore: %w", err)
	}
	return nil
}
