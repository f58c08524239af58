package job

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

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
	_, service := j.Lookup("INVOCATION_ID") // systemd's jobs take turns
	switch {
	case !errors.Is(err, durable.ErrLocked):
		return unlock, err
	case !wait && !service:
		return nil, fault.New(fault.Failed, "wait until it has finished", "%s is under way", what)
	}
	if wait && waiting != nil {
		waiting(what)
	}
	if unlock, err = durable.Lock(ctx, path); err != nil {
		return nil, fmt.Errorf("waiting for %s: %w", what, err)
	}
	return unlock, nil
}
