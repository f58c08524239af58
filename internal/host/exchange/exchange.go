// Package exchange puts a restored database cluster into the place of the one
// that runs, and keeps the old one until somebody says that it may go.
//
// The step that counts is one rename that exchanges two directories: whatever
// happens, the server finds the old data or the new, each whole. Around it nothing
// uses either: the services and the sockets that would start them are stopped,
// whatever starts the server all the same waits for the lock of the cluster's
// directory, and the processes are asked.
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
	// Users are the units that use the database, in the order of their start: the
	// database itself is the first, and the sockets that would start them are the last.
	Users   []string
	Dir     string // of the cluster: its data is Dir/data
	Memory  string // file that remembers an exchange which was not confirmed
	Healthy func(context.Context) error
	// Leaving is how long the processes of a server that was stopped may take to notice
	// it.
	Leaving time.Duration
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
	// Made tells that the rename was made, and not taken back: where the directories were
	// copied to another disk, which gives them other inodes, nothing else does.
	Made bool `json:"made,omitempty"`
	// Place is where the data is that a Replacer has replaced.
	Place string `json:"place,omitempty"`
	// Mark is what it marks the data with.
	Mark string `json:"mark,omitempty"`
}

// Names below the cluster's directory.
const (
	live    = "data"
	next    = "restoring"      // where a restore prepares its copy
	standby = "before-restore" // the copy that is ready, then the old data
)

// Next is where a copy is made ready.
func (e *Exchanger) Next() string { return filepath.Join(e.Dir, next) }

// Live is the data directory in place.
func (e *Exchanger) Live() string { return e.path(live) }

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
	kept, err := inode(e.path(standby))
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	// A copy on another disk may by chance have the same inodes the other way round.
	if err != nil || d.Made || kept == d.Old {
		return d, err == nil, err
	}
	inPlace, err := inode(e.Live())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, false, err
	}
	if err == nil && inPlace == d.Old {
		return d, false, nil
	}
	return d, false, e.unknown(d, kept)
}

// unknown refuses where either directory may be the old data: to take the wrong one for
// it would delete the other.
func (e *Exchanger) unknown(d Record, kept uint64) error {
	old := e.path(standby)
	return fault.New(fault.Preflight,
		fmt.Sprintf("if it waited for confirm or undo: sed -i -E 's/(\"old_inode\": *)[0-9]+/\\1%d/' %s, then confirm or undo it; if it was interrupted: mv %s %s.unused, and run the command again", kept, e.Memory, old, old),
		"the data directories in %s were copied since the restore of %s (%s) began, and whether it was made is not known; nothing was changed", e.Dir, d.At.Local().Format(time.DateTime), d.What)
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
	// It is forgotten on the disk before anything goes, or a power cut could bring
	// back that something waits of which half is deleted.
	if err := durable.Remove(e.Memory); err != nil {
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
		return e.move(copy, live)
	}
	if err != nil {
		return err
	}
	// The copy waits where the old data will be kept, so that the exchange itself
	// is all there is to do, and undoing it is the same once more.
	record := Record{At: time.Now().UTC(), What: what, Old: old}
	if err := errors.Join(e.remember(record), e.move(copy, standby)); err != nil {
		return err
	}
	if err := e.quietly(ctx, e.exchange); err != nil {
		return err
	}
	e.Report("start with the restored data")
	if err := settle(ctx, e.start, e.Healthy, e.Undo); err != nil {
		return err
	}
	record.Made = true
	return e.remember(record)
}

// move puts a directory below Dir into another place there. The account of the cluster may
// put links there, and none leads out of Dir.
func (e *Exchanger) move(from, to string) error {
	dir, err := os.OpenRoot(e.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	inside, err := filepath.Rel(e.Dir, from)
	if err != nil {
		return err
	}
	if err := dir.Rename(inside, to); err != nil {
		return fmt.Errorf("moving %s to %s: %w", from, e.path(to), err)
	}
	return durable.SyncDir(e.Dir)
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
	d, pending, err := e.Pending()
	if err != nil || !pending {
		return errors.Join(err, nothing(pending))
	}
	err = e.quietly(ctx, func(ctx context.Context) error {
		// Before the exchange: data in place that has not forked could be taken, in
		// the archive, for what the restored data has written.
		e.Report("begin a new timeline")
		if err := e.StartNewTimeline(ctx, e.path(standby), e.path(live)); err != nil {
			return err
		}
		// From here on the inode tells whether it was taken back.
		d.Made = false
		if d.Old, err = inode(e.path(standby)); err != nil {
			return err
		}
		if err := e.remember(d); err != nil {
			return err
		}
		return e.exchange(ctx)
	})
	if err != nil {
		return err
	}
	e.Report("start with the old data")
	// The old data is back, so nobody who interrupts it here wants it to stand still.
	if err := e.start(context.WithoutCancel(ctx)); err != nil {
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

// quietly works while nothing uses the data. Whatever keeps it from its end, the
// services come back.
func (e *Exchanger) quietly(ctx context.Context, work func(context.Context) error) error {
	err := e.locked(ctx, func() error {
		e.Report("stop what uses the database")
		if err := stopAll(ctx, e.Units, e.Users); err != nil {
			return err
		}
		return work(ctx)
	})
	if err != nil {
		return errors.Join(err, e.start(context.WithoutCancel(ctx)))
	}
	return nil
}

// locked works under the lock for which every start of the server waits. It is
// taken before anything is stopped: a start that came before is stopped, and one
// that comes later waits. The kernel drops it when this process is killed. A start
// holds it for seconds, so whoever holds it for longer is named rather than waited for.
func (e *Exchanger) locked(ctx context.Context, work func() error) error {
	unlock, err := durable.TryLockDir(e.Dir)
	if errors.Is(err, durable.ErrLocked) {
		e.Report("wait for whoever holds the lock of " + e.Dir)
		waiting, cancel := context.WithTimeout(ctx, e.Leaving)
		defer cancel()
		if unlock, err = durable.LockDir(waiting, e.Dir); err != nil && ctx.Err() == nil {
			return fault.Wrap(fault.Failed, err, "find it with lslocks or fuser "+e.Dir+", end it, then run the command again",
				"another process holds the lock of %s, for which every start of the database waits; the data was not exchanged", e.Dir)
		}
	}
	if err != nil {
		return err
	}
	defer unlock()
	return work()
}

// exchange swaps the two directories in one atomic rename.
func (e *Exchanger) exchange(ctx context.Context) error {
	e.Report("exchange the data")
	if err := e.vacated(ctx, e.path(standby), e.path(live)); err != nil {
		return err
	}
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
