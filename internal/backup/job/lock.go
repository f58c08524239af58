package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/quantity"
)

// longestTurn is how long another process may use the target: a first copy, or a set of
// all there is, over a slow line.
const longestTurn = 3 * 24 * time.Hour

// Lock makes sure that one process at a time uses the target. Where another one
// does, it fails, or with wait it tells waiting what it waits for, and waits until
// ctx ends.
func (j *Jobs) Lock(ctx context.Context, wait bool, waiting func(what string)) (unlock func(), err error) {
	return j.lock(ctx, "lock", "another backup, restore or verification", wait, waiting)
}

// lockCopy keeps the second target from being copied to while a prune deletes from
// the first what is being copied. A first copy may take days, and sets must not
// wait for it, so it has a lock of its own.
func (j *Jobs) lockCopy(ctx context.Context, wait bool, waiting func(what string)) (unlock func(), err error) {
	return j.lock(ctx, "copy.lock", "a copy onto the second target, or a prune,", wait, waiting)
}

func (j *Jobs) lock(ctx context.Context, file, what string, wait bool, waiting func(what string)) (unlock func(), err error) {
	if err := os.MkdirAll(history.File(j.Dirs, ""), 0o755); err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the backups' state")
	}
	path := history.File(j.Dirs, file)
	unlock, err = durable.TryLock(path)
	if err == nil {
		err = j.giveLock(path, unlock)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fault.Wrap(fault.Failed, err, "run it as root; if that is what you did: chown "+j.Name+": "+path, "taking turns with other backups")
	}
	_, service := j.Lookup("INVOCATION_ID") // systemd's jobs take turns
	switch {
	case err == nil:
		return unlock, nil
	case !errors.Is(err, durable.ErrLocked):
		return nil, err
	case !wait && !service:
		return nil, fault.Wrap(fault.Failed, durable.ErrLocked, "wait until it has finished", "%s is under way", what)
	}
	if wait && waiting != nil {
		waiting(fmt.Sprintf("%s, since %s and for at most %s,", what, time.Now().Format(time.TimeOnly), quantity.Duration(longestTurn)))
	}
	unlock, err = durable.LockWithin(ctx, path, longestTurn)
	switch {
	case errors.Is(err, durable.ErrLocked):
		return nil, fault.Wrap(fault.Failed, err, "systemctl list-units 'bugspark*' names what runs; stop what has run for that long, and run the same command again", "waiting for %s", what)
	case err != nil:
		return nil, fmt.Errorf("waiting for %s: %w", what, err)
	}
	return unlock, nil
}

// giveLock gives the file of a lock that root holds to the account of the backups, whose
// jobs take the same lock. On an error the lock is released.
func (j *Jobs) giveLock(path string, unlock func()) error {
	account, err := j.Account()
	if err == nil && account != nil { // this process is root's
		err = durable.GiveFile(path, int(account.Uid), int(account.Gid))
	}
	if err != nil {
		unlock()
		return fmt.Errorf("giving %s to the account %s: %w", path, j.Name, err)
	}
	return nil
}
