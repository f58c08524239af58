package setup

import (
	"context"

	"github.com/bugspark/bugspark/internal/config"
)

// holdsSlot tells whether a server keeps WAL for the backups.
func holdsSlot(c config.Config) bool { return c.Backup.Target != "" && c.Streams() }

// slotStep gives the replication slot up when nobody receives from it any more: the
// server would keep WAL up to its limit.
func (c *Converger) slotStep(add func(Change, func(context.Context) error)) error {
	old, ok, err := c.Site.before()
	if err != nil || !ok || !holdsSlot(old) || holdsSlot(c.Site.Config) {
		return err
	}
	mode, where := old.Database.Mode, "on your database server"
	if mode == "managed" {
		if c.Site.Config.Database.Mode != mode {
			return nil // our server is stopped, and keeps nothing
		}
		where = "the backups were turned off"
	}
	add(Change{What: "replication slot", Action: "drop", Detail: where}, func(ctx context.Context) error { return c.Site.DropSlot(ctx, mode) })
	return nil
}

// boundStep has our server bound anew what it keeps for the backups when its disk has
// another size.
func (c *Converger) boundStep(ctx context.Context, restart map[string]bool, add func(Change, func(context.Context) error)) error {
	if c.Site.Config.Database.Mode != "managed" || c.Site.SlotBoundStale == nil {
		return nil
	}
	server := c.Set.ProvidersOf("database")[0]
	active, err := c.Units.Active(ctx, server)
	if err != nil || !active || restart[server] {
		return err // a start bounds it anyway
	}
	// A server that does not answer is somebody else's finding.
	if stale, err := c.Site.SlotBoundStale(ctx); err != nil || !stale {
		return nil //nolint:nilerr // see above
	}
	add(Change{What: server, Action: "reload", Detail: "its disk has another size"}, func(ctx context.Context) error { return c.Units.Reload(ctx, server) })
	return nil
}
