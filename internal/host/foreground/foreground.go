// Package foreground runs the unit set as child processes of one program, for
// machines without systemd: evaluation, development, CI. It speaks systemd's
// protocols to the children, so they cannot tell the difference.
//
// What it leaves out, on purpose: the sandbox, resource limits, accounts (but
// for PostgreSQL, which refuses to run as root), watchdogs and timers. It is no
// way to run a server that holds anybody's data.
package foreground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// Account is the unprivileged account PostgreSQL runs as when we are root.
type Account struct {
	Name     string
	UID, GID uint32
}

// Options say what to run and where.
type Options struct {
	Set     unit.Set
	Dirs    config.Dirs
	Binary  string            // what stands for /usr/bin/bugspark
	Listen  map[string]string // ListenStream by socket name, instead of the unit's
	Account *Account          // nil unless root
	Env     []string
	Out     io.Writer
	Color   bool

	// Ready is called once, when every service is up.
	Ready func(context.Context) error
}

// longestSocket is the file name that must still fit below Dirs.Run into the
// 107 bytes of a unix socket's path.
const longestSocket = "/postgresql/.s.PGSQL.5432"

// Run starts every service in order, calls Ready, and waits until ctx ends or a
// service fails for good. It returns after every child has ended.
func Run(ctx context.Context, o Options) error {
	if n := len(o.Dirs.Run + longestSocket); n > 107 {
		return fault.New(fault.Preflight, "choose a shorter directory with --dir",
			"the path of a socket below %s would have %d bytes, and the system allows 107", o.Dirs.Run, n)
	}
	if err := o.prepareDirs(); err != nil {
		return err
	}
	services := o.Set.Services()
	width := 0
	for _, u := range services {
		width = max(width, len(short(u.Name)))
	}
	log := newLog(o.Out, width, o.Color)
	failed := make(chan error, len(services))
	var running []*process
	defer func() {
		for _, p := range slices.Backward(running) {
			p.stop()
		}
	}()
	for _, u := range services {
		if !u.Deployment.Foreground || onDemand(o.Set, u) {
			continue
		}
		p, err := newProcess(o, u, log)
		if err != nil {
			return err
		}
		running = append(running, p)
		if err := p.start(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go p.supervise(ctx, failed)
	}
	if err := o.Ready(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// prepareDirs makes what tmpfiles.d and StateDirectory= make under systemd.
func (o Options) prepareDirs() error {
	private := []string{filepath.Join(o.Dirs.State, "postgres"), o.Dirs.PostgresSocketDir()}
	for _, dir := range append([]string{o.Dirs.Run, o.Dirs.State, filepath.Join(o.Dirs.State, "proxy")}, private...) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making directory: %w", err)
		}
	}
	if o.Account == nil {
		return nil
	}
	for _, dir := range private {
		if err := reachable(dir, o.Account); err != nil {
			return err
		}
		if err := os.Chown(dir, int(o.Account.UID), int(o.Account.GID)); err != nil {
			return fmt.Errorf("handing %s to account %s: %w", dir, o.Account.Name, err)
		}
	}
	return nil
}

// reachable refuses a directory whose parents the account may not pass: the
// alternative, a permission error from deep inside PostgreSQL, helps nobody.
func reachable(dir string, a *Account) error {
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("looking at %s: %w", at, err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fault.New(fault.Preflight, "choose a directory that every account may pass, such as --dir /var/tmp/bugspark",
				"PostgreSQL runs as account %s and may not pass %s (mode %o)", a.Name, at, info.Mode().Perm())
		}
		if at == "/" || at == "." {
			return nil
		}
	}
}

func short(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "bugspark-"), ".service")
}

// errStopped marks the end of a process that was asked to end.
var errStopped = errors.New("stopped")

// onDemand are the services that the clock, a file or a failure starts, none of
// which is watched here.
func onDemand(set unit.Set, u unit.Unit) bool {
	name := strings.TrimSuffix(u.Name, ".service")
	for _, kind := range []string{".timer", ".path"} {
		if _, err := set.Unit(name + kind); err == nil {
			return true
		}
	}
	return u.Template()
}
