// Package cleanup deletes the objects of pictures that nothing refers to any
// more, in the background of the API.
package cleanup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// UnreferencedObjects is the list of objects to delete, which the database keeps.
type UnreferencedObjects interface {
	// DueObjects returns at most limit keys of objects that may be deleted now:
	// those of deleted reports after 72 hours, and uploads that no report named
	// within a day and 72 hours. A report can no longer name one of them. There are none
	// while a restore waits to be confirmed or undone.
	DueObjects(ctx context.Context, now time.Time, limit int) ([]string, error)
	// ForgetObjects takes deleted objects off the list.
	ForgetObjects(ctx context.Context, keys []string) error
}

// Objects deletes objects. To delete one that does not exist is no error.
type Objects interface {
	Delete(ctx context.Context, key string) error
}

const (
	interval  = 10 * time.Minute
	batchSize = 200
)

// Cleaner deletes unreferenced objects. Several processes may do so at once.
type Cleaner struct {
	Unreferenced UnreferencedObjects
	Objects      Objects
	Now          func() time.Time
	Log          *slog.Logger
}

// Run makes a pass every ten minutes until ctx ends.
func (c *Cleaner) Run(ctx context.Context) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := c.Pass(ctx); err != nil && ctx.Err() == nil {
			c.Log.Warn("deleting unreferenced pictures", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Pass deletes every object that is due. An object that cannot be deleted stays
// on the list; it does not keep the others of its batch, but it ends the pass,
// because the next batch would begin with it again.
func (c *Cleaner) Pass(ctx context.Context) error {
	for {
		keys, err := c.Unreferenced.DueObjects(ctx, c.Now(), batchSize)
		if err != nil || len(keys) == 0 {
			return err
		}
		var deleted []string
		var failed error
		for _, key := range keys {
			if err := c.Objects.Delete(ctx, key); err != nil {
				failed = fmt.Errorf("deleting %s: %w", key, err)
				continue
			}
			deleted = append(deleted, key)
		}
		if err := c.Unreferenced.ForgetObjects(ctx, deleted); err != nil {
			return errors.Join(failed, err)
		}
		if failed != nil || len(keys) < batchSize {
			return failed
		}
	}
}
