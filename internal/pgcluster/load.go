package pgcluster

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// Load reads what Dump wrote, by another version perhaps, into the running
// cluster, where it replaces our schema: in one transaction, or not at all.
func (c *Cluster) Load(ctx context.Context, dump io.Reader) error {
	server, err := c.Running(ctx)
	if err != nil {
		return err
	}
	said := &tail{}
	cmd := exec.CommandContext(ctx, server.program("pg_restore"), "--dbname="+c.DSN(Superuser, Database), "--clean", "--if-exists",
		"--single-transaction", "--exit-on-error", "--no-password")
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.environment(), "/", dump, said, said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pg_restore: %w: %s", err, lastLines(said.bytes()))
	}
	return nil
}
