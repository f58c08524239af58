package pgcluster

import (
	"context"
	"io"
	"os/exec"
)

// Load reads what Dump wrote, by another version perhaps, into the running
// cluster, where it replaces our schema: in one transaction, or not at all.
func (c *Cluster) Load(ctx context.Context, dump io.Reader) error {
	server, err := c.Running(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, server.program("pg_restore"), "--dbname="+c.DSN(Superuser, Database), "--clean", "--if-exists",
		"--single-transaction", "--exit-on-error", "--no-password")
	cmd.Env, cmd.Dir = c.environment(), "/"
	return load(cmd, dump)
}
