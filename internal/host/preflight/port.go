package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bugspark/bugspark/internal/fault"
)

// Port wants a TCP port that is free, or held by a socket of ours already.
//
// choose says how another port is set.
func Port(id string, port int, ours bool, choose string) Check {
	return Check{id, fmt.Sprintf("port %d is free", port), Machine, func(ctx context.Context) error {
		if ours {
			return nil
		}
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			return ln.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return fault.Wrap(fault.Preflight, err, choose, "trying port %d", port)
		}
		return fault.New(fault.Preflight,
			choose+"; or stop that program",
			"port %d is taken%s", port, portOwner(port))
	}}
}

// portOwner names the process that listens on a port, as far as /proc tells.
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
