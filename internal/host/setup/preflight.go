package setup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// Check is one thing that must hold before anything is changed.
type Check struct {
	ID    string // stable, for documentation and --json
	Title string
	Run   func(context.Context) error
}

// Finding is the outcome of one check.
type Finding struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Error string   `json:"error,omitempty"`
	Hints []string `json:"hints,omitempty"`
}

// Preflight runs every check side by side and returns the findings in the order
// of the checks, with one error that names all that failed.
func Preflight(ctx context.Context, checks []Check) ([]Finding, error) {
	findings := make([]Finding, len(checks))
	failures := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			findings[i] = Finding{ID: c.ID, Title: c.Title}
			if err := c.Run(ctx); err != nil {
				failures[i] = err
				findings[i].Error, findings[i].Hints = err.Error(), fault.Hints(err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failures...); err != nil {
		return findings, &fault.Error{Kind: fault.Preflight, Message: "nothing was changed, because a check failed", Err: err}
	}
	return findings, nil
}

// minimumFree is what a first start needs: the cluster, its WAL and a spare
// gigabyte to notice that more is needed.
const minimumFree = 2 << 30

// BasicChecks are the checks that concern the machine itself; held lists the
// ports that our own sockets hold already.
func (s *Site) BasicChecks(built time.Time, held map[int]bool) []Check {
	return []Check{
		{"clock", "the clock is plausible", func(context.Context) error { return s.checkClock(built) }},
		{"disk", "enough free space", func(context.Context) error { return checkDisk(s.Dirs.State) }},
		{"port-http", fmt.Sprintf("port %d is free", s.Config.Server.HTTPPort), func(context.Context) error {
			return checkPort("server.http_port", s.Config.Server.HTTPPort, held)
		}},
		{"port-https", fmt.Sprintf("port %d is free", s.Config.Server.HTTPSPort), func(context.Context) error {
			return checkPort("server.https_port", s.Config.Server.HTTPSPort, held)
		}},
	}
}

// RootCheck wants the rights that all the rest needs.
func RootCheck() Check {
	return Check{"root", "run by root", func(context.Context) error {
		if os.Geteuid() != 0 {
			return fault.New(fault.Preflight, "run it with sudo", "this command must run as root")
		}
		return nil
	}}
}

// checkClock refuses a clock that stands before this binary was built or long
// after it: certificates made now would be refused by every browser.
func (s *Site) checkClock(built time.Time) error {
	now := s.Now()
	const hint = "set the clock ('timedatectl set-time' or an NTP server), then run the command again"
	if now.Before(built.Add(-24 * time.Hour)) {
		return fault.New(fault.Preflight, hint, "the clock says %s, before this program was built (%s)",
			now.UTC().Format(time.RFC3339), built.UTC().Format(time.DateOnly))
	}
	if now.After(built.AddDate(15, 0, 0)) {
		return fault.New(fault.Preflight, hint, "the clock says %s, more than 15 years after this program was built (%s)",
			now.UTC().Format(time.RFC3339), built.UTC().Format(time.DateOnly))
	}
	return nil
}

func checkDisk(dir string) error {
	at := dir
	for {
		if _, err := os.Stat(at); err == nil || at == "/" {
			break
		}
		at = filepath.Dir(at)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(at, &fs); err != nil {
		return fault.Wrap(fault.Preflight, err, "", "looking at the free space of %s", at)
	}
	free := int64(fs.Bavail) * fs.Bsize
	if free < minimumFree {
		return fault.New(fault.Preflight, "free some space or mount a larger volume at "+dir,
			"%s has %d MiB free, and %d MiB are needed", at, free>>20, int64(minimumFree)>>20)
	}
	// File systems without fixed inodes (btrfs) report none at all.
	if fs.Files > 0 && fs.Ffree < 10_000 {
		return fault.New(fault.Preflight, "free some inodes or mount another volume at "+dir, "%s has only %d inodes left", at, fs.Ffree)
	}
	return nil
}

func checkPort(setting string, port int, held map[int]bool) error {
	if held[port] {
		return nil
	}
	ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err == nil {
		return ln.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fault.Wrap(fault.Preflight, err, "", "trying port %d", port)
	}
	who := portOwner(port)
	return fault.New(fault.Preflight,
		fmt.Sprintf("stop that program, or choose another port with %s", setting),
		"port %d is taken%s", port, who)
}

// portOwner names the process that listens on port, as far as /proc tells.
func portOwner(port int) string {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && inodes[target] {
			pid := strings.Split(link, "/")[2]
			name, err := os.ReadFile("/proc/" + pid + "/comm")
			if err != nil {
				return " by process " + pid
			}
			return fmt.Sprintf(" by %s (process %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return ""
}
