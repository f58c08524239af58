package assembly

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// restored begins the process that runs the server of a drill. The package has a service
// for it, with an account of its own. Where the package is not installed there is but
// one account, and the process is a child.
func (p *Parts) restored(ctx context.Context, dir string) (*scratch.Client, error) {
	own := filepath.Join(dir, "run")
	if p.restoredData() == "" {
		return p.ScratchChild(ctx, scratch.Place{Data: filepath.Join(dir, "data"), Dir: filepath.Join(dir, "server")}, nil, own)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", p.Dirs.Socket("scratch"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) { // as when bugspark.target was stopped
		return nil, fault.Wrap(fault.Interrupted, err, "systemctl start bugspark.target, then: bugspark backup drill", "the drill was interrupted, because the service that restores for it is stopped")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "bugspark apply, which starts its socket", "reaching the service that restores for a drill")
	}
	return scratch.New(conn, own)
}

// restoredData is where the service has its data; empty where there is no service.
func (p *Parts) restoredData() string {
	if p.Dirs.Run != config.DirsFrom(func(string) (string, bool) { return "", false }).Run || !account.Exists(account.Scratch) {
		return "" // the foreground runner, which may run beside the package
	}
	return p.scratchPlace().Data
}

func (p *Parts) scratchPlace() scratch.Place {
	dir := filepath.Join(p.Dirs.State, "scratch")
	return scratch.Place{Data: filepath.Join(dir, "data"), Dir: filepath.Join(dir, "run")}
}

// ScratchChild is such a process with the rights of an account, for a restore.
func (p *Parts) ScratchChild(ctx context.Context, place scratch.Place, as *syscall.Credential, own string) (*scratch.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"scratch", "--data", place.Data, "--dir", place.Dir}
	if place.Durable {
		args = append(args, "--durable")
	}
	child := scratch.Child{Program: self, Args: args, Env: []string{"PATH=" + os.Getenv("PATH")}, Account: as, Log: p.Log}
	conn, err := child.Start(ctx)
	if err != nil {
		return nil, err
	}
	return scratch.New(conn, own)
}

// RunScratch is that process. Without a place it is the service, and takes the one
// connection for which it was started.
// It needs no configuration.
func RunScratch(ctx context.Context, env Env, place scratch.Place) error {
	p := With(env, config.DirsFrom(env.Lookup), config.Config{})
	var conn net.Conn
	var err error
	if place.Data == "" {
		place = p.scratchPlace()
		feeding, fed := context.WithCancel(ctx)
		defer fed()
		go lifecycle.Watchdog(feeding, nil, p.Log)
		conn, err = firstConnection()
	} else {
		conn, err = net.FileConn(os.NewFile(3, "client"))
	}
	if err != nil {
		return fmt.Errorf("taking the connection of a drill or restore: %w", err)
	}
	defer conn.Close()
	if err := keepRights(); err != nil {
		p.Log.Warn("programs of the scratch server may gain rights", "error", err)
	}
	w := scratch.Worker{Place: place, Programs: p.Programs(), Fetch: fetch, Log: p.Log}
	return w.Serve(ctx, conn)
}

func firstConnection() (net.Conn, error) {
	sockets, err := listeners("scratch")
	if err != nil {
		return nil, err
	}
	if err := lifecycle.Notify("READY=1"); err != nil {
		return nil, err
	}
	conn, err := sockets[0].Accept()
	return conn, errors.Join(err, sockets[0].Close())
}

// keepRights lets no program of this process gain rights, such as by set-uid, which
// the service's sandbox sees to as well.
func keepRights() error {
	const setNoNewPrivileges = 38 // PR_SET_NO_NEW_PRIVS
	if _, _, err := syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, setNoNewPrivileges, 1, 0, 0, 0, 0); err != 0 {
		return fmt.Errorf("giving up the way to more rights: %w", err)
	}
	return nil
}

// fetch is the restore_command of a recovery: this program, which asks a socket of
// the recovery for a WAL file. In it PostgreSQL replaces %f by the file's name and
// %p by where it goes.
func fetch(socket string) string {
	self, err := os.Executable()
	if err != nil {
		self = "/usr/bin/bugspark" // where the package has it
	}
	return fmt.Sprintf("exec '%s' wal fetch --socket '%s' '%%f' '%%p'", self, socket)
}
