package pgcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// roomForCluster is the space in bytes of a new cluster with its first WAL segments.
const roomForCluster = 256 << 20

// Prepare makes the cluster if there is none, and writes its configuration anew.
// It may be interrupted anywhere and repeated.
func (c *Cluster) Prepare(ctx context.Context) error {
	if err := c.refuseRoot(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		return c.notOurs(err, c.StateDir)
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.checkOwner(); err != nil {
		return err
	}
	server, err := c.Find(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.DataDir(), "PG_VERSION")); errors.Is(err, fs.ErrNotExist) {
		if err := c.initialize(ctx, server); err != nil {
			return err
		}
	} else if err != nil {
		return c.notOurs(err, c.DataDir())
	}
	// In production tmpfiles makes it, with the group that may connect.
	if err := os.MkdirAll(c.SocketDir, 0o750); err != nil {
		return c.notOurs(err, c.SocketDir)
	}
	return c.configure(ctx, server)
}

// initialize makes the cluster beside its place and renames it when it is
// complete, so that what an interrupted initdb left is never taken for one.
func (c *Cluster) initialize(ctx context.Context, server Server) error {
	if err := c.checkRoom(); err != nil {
		return err
	}
	unfinished := c.DataDir() + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return c.notOurs(err, unfinished)
	}
	args := []string{
		"--pgdata=" + unfinished, "--username=" + Superuser, "--auth-local=peer", "--auth-host=reject",
		"--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions",
	}
	if server.Major >= 17 {
		// Sorts by code point whatever the machine's C library does, so that an
		// upgrade of the distribution cannot corrupt an index.
		args = append(args, "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	}
	c.Log.Info("making the database cluster", "major", server.Major, "directory", c.DataDir())
	if out, err := c.Run(ctx, c.environment(), server.program("initdb"), args...); err != nil {
		return fault.Wrap(fault.Failed, err, "correct what the message says, then: systemctl start bugspark.target",
			"making the database cluster with initdb of PostgreSQL %d: %s", server.Major, lastLines(out))
	}
	// An empty directory that an administrator has made is removed.
	if err := os.Remove(c.DataDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Preflight, err, "mv "+c.DataDir()+" "+c.DataDir()+".before", "%s is not a database cluster and not empty", c.DataDir())
	}
	if err := os.Rename(unfinished, c.DataDir()); err != nil {
		return fmt.Errorf("putting the database cluster in its place: %w", err)
	}
	return durable.SyncDir(c.StateDir)
}

func (c *Cluster) refuseRoot() error {
	if c.Account.UID != 0 {
		return nil
	}
	return fault.New(fault.Preflight, "start it through its unit (systemctl start "+service+"), or run 'bugspark up', which changes the account",
		"PostgreSQL does not run as root")
}

// checkOwner finds a state directory that was restored or copied by root.
func (c *Cluster) checkOwner() error {
	for _, dir := range []string{c.StateDir, c.DataDir()} {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c.notOurs(err, dir)
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != c.Account.UID {
			return fault.New(fault.Preflight, c.chown(), "%s belongs to account %d, not to %s (%d)", dir, owner.Uid, c.Account.Name, c.Account.UID)
		}
	}
	return nil
}

func (c *Cluster) checkRoom() error {
	space, err := durable.SpaceAt(c.StateDir)
	if err != nil {
		return err
	}
	if free := space.Bytes; free < roomForCluster {
		return fault.New(fault.Preflight, "free some space (df -h "+c.StateDir+"), then start the service again",
			"%d MiB are free in %s, a new database cluster needs %d", free>>20, c.StateDir, roomForCluster>>20)
	}
	return nil
}

// lock waits for the directory: a second prepare, or a restore that exchanges the
// data, may work on it. So whatever starts the server meanwhile starts it with the
// data that is in place afterwards.
func (c *Cluster) lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = durable.TryLockDir(c.StateDir)
	if errors.Is(err, durable.ErrLocked) {
		c.Log.Info("waiting for another process that works on the data, such as a restore", "directory", c.StateDir)
		return durable.LockDir(ctx, c.StateDir)
	}
	if err != nil {
		return nil, c.notOurs(err, c.StateDir)
	}
	return unlock, nil
}

// notOurs explains an error about a file: mostly its owner, or a full disk.
func (c *Cluster) notOurs(err error, path string) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Preflight, err, c.chown(), "%s is not for account %s to use", path, c.Account.Name)
	case errors.Is(err, syscall.ENOSPC):
		return fault.Wrap(fault.Preflight, err, "free some space (df -h "+filepath.Dir(path)+"), then start the service again", "the disk is full")
	}
	return fmt.Errorf("using %s: %w", path, err)
}

func (c *Cluster) chown() string { return fmt.Sprintf("chown -R %s: %s", c.Account.Name, c.StateDir) }

// lastLines are the end of a program's output, on one line.
func lastLines(out []byte) string {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-4):], []byte("; ")))
}
