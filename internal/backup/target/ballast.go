package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// Space on a target, in bytes.
const (
	// Reserve is what the archive leaves free, because a prune writes before it
	// deletes.
	Reserve = 32 << 20
	// ballastSize is freed by a prune when other data has filled the file system.
	ballastSize = 64 << 20
)

const ballastFile = "ballast"

// TakeBallast puts a file on the target that only takes space, if there is plenty.
// Only a directory has one, because there other data fills the same file system.
func (t *Target) TakeBallast(ctx context.Context) error {
	d, ok := t.Store.(Directory)
	if !ok {
		return nil
	}
	if _, err := d.Stat(ctx, ballastFile); err == nil {
		return nil
	}
	if free, err := d.Free(ctx); err != nil || free < 4*ballastSize {
		return err
	}
	if err := d.allocate(ballastFile, ballastSize); err != nil {
		return fmt.Errorf("taking ballast: %w", err)
	}
	return nil
}

// ReleaseBallast deletes the ballast when the target is full.
func (t *Target) ReleaseBallast(ctx context.Context) (released bool, err error) {
	free, err := t.Store.Free(ctx)
	if errors.Is(err, ErrSpaceUnknown) || (err == nil && free >= Reserve) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := t.Store.Stat(ctx, ballastFile); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err := t.Store.Delete(ctx, ballastFile); err != nil {
		return false, fmt.Errorf("giving up the ballast: %w", err)
	}
	return true, nil
}

// Reserved is a store that leaves some bytes free.
type Reserved struct {
	Store
	Bytes int64
}

// Put fails when so little is free that deleting old backups, which writes
// first, would soon be impossible.
func (r Reserved) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := r.enough(ctx); err != nil {
		return err
	}
	return r.Store.Put(ctx, name, body, at)
}

func (r Reserved) enough(ctx context.Context) error {
	free, err := r.Free(ctx)
	if err != nil && !errors.Is(err, ErrSpaceUnknown) {
		return err
	}
	if err == nil && free < r.Bytes {
		return fmt.Errorf("the backup target %s has only %d MiB free: %w", r, free>>20, unix.ENOSPC)
	}
	return nil
}
