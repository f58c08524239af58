package setup

import (
	"context"

	"github.com/bugspark/bugspark/internal/config"
)

// holdsSlot tells whether a customer's server keeps WAL for us.
func holdsSlot(c config.Config) bool {
	return c.Database.Mode == "external" && c.Backup.Stream && c.Backup.Target != ""
}

// slotStep gives the replication slot on a customer's server up when nobody
// receives from it any more: it would keep WAL there up to the server's limit.
func (c *Converger) slotStep(add func(Change, func(context.Context) error)) error {
	old, ok, err := c.Site.before()
	if err != nil || !ok || !holdsSlot(old) || holdsSlot(c.Site.Config) {
		return err
	}
	add(Change{What: "replication slot", Action: "drop", Detail: "on your database server"}, c.Site.DropSlot)
	return nil
}
