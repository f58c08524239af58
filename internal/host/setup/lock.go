package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Lock makes sure that one process at a time changes the machine: a setup, an apply
// or a restore. It tells waiting what it waits for, and waits until ctx ends. The
// backups have a lock of their own, since an apply must not wait for a set.
func Lock(ctx context.Context, d config.Dirs, waiting func(what string)) (unlock func(), err error) {
	path := filepath.Join(filepath.Dir(stateFile(d)), "lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the setup's state")
	}
	unlock, err = durable.TryLock(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fault.Wrap(fault.Preflight, err, "run the command as root", "this changes the machine")
	}
	if !errors.Is(err, durable.ErrLocked) {
		return unlock, err
	}
	const what = "another setup, apply or restore"
	waiting(what)
	if unlock, err = durable.Lock(ctx, path); err != nil {
		return nil, fmt.Errorf("waiting for %s: %w", what, err)
	}
	return unlock, nil
}
