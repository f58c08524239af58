package httpapi

import (
	"context"
	"fmt"
	"time"
)

// Graves is what the reaper needs of the store: objects that nothing names.
type Graves interface {
	// DuePictures returns keys whose time has come: those of deleted reports
	// after 72 hours, and uploads that no report named within a day. Rows of the
	// latter are turned into tombstones in the same step, so that a report can
	// no longer claim them.
	DuePictures(ctx context.Context, now time.Time, limit int) ([]string, error)
	// ForgetPictures removes the tombstones of objects that are gone.
	ForgetPictures(ctx context.Context, keys []string) error
}

// reapInterval and reapBatch keep the reaper in the background.
const (
	reapInterval = 10 * time.Minute
	reapBatch    = 200
)

// Reap removes due objects every ten minutes until ctx ends. Several processes
// may do so at once: deleting an object twice is no error.
func (a *API) Reap(ctx context.Context, g Graves) {
	tick := time.NewTicker(reapInterval)
	defer tick.Stop()
	for {
		if err := a.reapOnce(ctx, g); err != nil && ctx.Err() == nil {
			a.Log.Warn("removing pictures that nothing names", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *API) reapOnce(ctx context.Context, g Graves) error {
	for {
		keys, err := g.DuePictures(ctx, a.Now(), reapBatch)
		if err != nil || len(keys) == 0 {
			return err
		}
		// One object that cannot be deleted must not keep the others.
		var gone []string
		var failed error
		for _, key := range keys {
			if err := a.Objects.Delete(ctx, key); err != nil {
				failed = fmt.Errorf("deleting %s: %w", key, err)
				continue
			}
			gone = append(gone, key)
		}
		if err := g.ForgetPictures(ctx, gone); err != nil {
			return err
		}
		if failed != nil || len(keys) < reapBatch {
			return failed
		}
	}
}
