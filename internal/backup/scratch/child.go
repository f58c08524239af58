package scratch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Child is a Worker as a process of its own. Root starts it with the rights of an
// account, without a network, a terminal, keys or anything of its environment, and without
// a way to the sockets of the machine's services.
type Child struct {
	Program string
	Args    []string
	Env     []string
	Account *syscall.Credential // nil: the account of this process, with its network
	Log     *slog.Logger
	// Patience is how long Close waits for the Worker to end by itself. Zero: two minutes.
	Patience time.Duration
}

// Start returns the connection to the Worker, which finds its end of it as file
// descriptor 3. Closing it waits until the Worker has ended, and ends it when it does not,
// sooner once ctx has ended.
func (c Child) Start(ctx context.Context) (net.Conn, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket for the scratch server: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "worker"), os.NewFile(uintptr(ends[1]), "client")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(c.Program, c.Args...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = c.Env, "/", []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.Account, Setsid: true}
	begin := cmd.Start
	if c.Account != nil {
		begin = func() error { return apart(cmd.Start) }
		// The end of the first process of a PID namespace is that of all others in it,
		// whatever sessions and parents these have made themselves.
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID
	}
	// Not this process's own: it may be a terminal, and what the account writes there
	// could be a command to it.
	said, says, err := os.Pipe()
	if err == nil {
		cmd.Stderr = says
		err = errors.Join(begin(), says.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the process of the scratch server: %w", err), conn.Close())
	}
	heard, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(heard)
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			c.Log.Warn("the process of the scratch server", "says", lines.Text())
		}
		_, _ = io.Copy(io.Discard, said) // of a line that is too long
	}()
	go func() {
		err := cmd.Wait()
		// What it has started may hold its error output, and never end.
		_ = said.SetReadDeadline(time.Now().Add(lastWords))
		<-heard
		_ = said.Close()
		ended <- err
	}()
	patience := c.Patience
	if patience == 0 {
		patience = 2 * time.Minute // to stop a server and remove its data
	}
	return &connection{Conn: conn, ctx: ctx, group: cmd.Process.Pid, patience: patience, ended: ended}, nil
}

const (
	lastWords = 5 * time.Second  // for the error output of a Worker that has ended
	hurry     = 30 * time.Second // for a Worker to end after the context has
)

// connection is the one to a Worker.
type connection struct {
	net.Conn
	ctx      context.Context
	group    int // of the Worker's processes
	patience time.Duration
	ended    chan error
}

// Close is called twice, by the session and by the Client. Only the first waits.
func (c *connection) Close() error {
	if err := c.Conn.Close(); err != nil {
		return err
	}
	patience, interrupted := time.NewTimer(c.patience), c.ctx.Done()
	defer patience.Stop()
	for {
		select {
		case err := <-c.ended:
			if err != nil {
				return fmt.Errorf("the process of the scratch server: %w", err)
			}
			return nil
		case <-interrupted:
			interrupted = nil
			patience.Reset(min(hurry, c.patience))
		case <-patience.C:
			// The group is its own, and killing its first process ends a PID namespace.
			if err := unix.Kill(-c.group, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("ending the process of the scratch server: %w", err)
			}
		}
	}
}
