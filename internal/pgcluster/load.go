package pgcluster

import (
	"context"
	"io"
)

// Load reads what Dump wrote, by another version perhaps, into the running
// cluster, where it replaces our schema: in one transaction, or not at all.
func (c *Cluster) Load(ctx context.Context, dump io.Reader) error {
	server, err := c.RunningServer(ctx)
	if err != nil {
		return err
	}
	return load(command(ctx, server.program("pg_restore"), c.environment(), "--dbname="+c.DSN(Superuser, Database), "--clean", "--if-exists",
		"--single-transaction", "--exit-on-error", "--no-password"), dump)
}
