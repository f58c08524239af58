// Package lifecycle speaks systemd's protocols for a long-running service:
// sockets handed over by name, readiness, watchdog, and a drain that drops no
// request when the service is restarted.
package lifecycle

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/bugspark/bugspark/internal/fault"
)

// Listeners are the sockets systemd (or the foreground runner) passed to this
// process, by FileDescriptorName=.
type Listeners map[string][]net.Listener

// AnyPID in LISTEN_PID marks sockets passed by a parent that cannot know the
// child's process id before it exists, as systemd does between fork and exec.
// The foreground runner uses it. It weakens nothing: a process that can set this
// environment can also pass sockets.
const AnyPID = "any"

// Inherited collects the passed sockets. It may be called once per process,
// because it clears LISTEN_FDS so that children do not inherit the claim.
func Inherited() (Listeners, error) {
	if os.Getenv("LISTEN_PID") == AnyPID {
		if err := os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())); err != nil {
			return nil, fmt.Errorf("claiming the passed sockets: %w", err)
		}
	}
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "", "reading the sockets passed by systemd")
	}
	return named, nil
}

// waiting is how long Pending waits for a connection that may be there.
const waiting = 50 * time.Millisecond

// Pending takes and ends the connections that wait at the socket with that name, and
// tells whether there were any: for a service that a connection only wakes. Without such
// a socket, as on a command line, there are none.
func (l Listeners) Pending(name string) (bool, error) {
	woken := false
	for _, ln := range l[name] {
		d, ok := ln.(interface{ SetDeadline(time.Time) error })
		if !ok {
			return woken, fmt.Errorf("the socket %q takes no connections", name)
		}
		if err := d.SetDeadline(time.Now().Add(waiting)); err != nil {
			return woken, err
		}
		for {
			c, err := ln.Accept()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return woken, fmt.Errorf("taking a request at the socket %q: %w", name, err)
			}
			woken = true
			if err := c.Close(); err != nil {
				return woken, err
			}
		}
	}
	return woken, nil
}

// One returns the only socket with that name.
func (l Listeners) One(name string) (net.Listener, error) {
	if got := l[name]; len(got) == 1 && got[0] != nil {
		return got[0], nil
	}
	names := make([]string, 0, len(l))
	for n := range l {
		names = append(names, n)
	}
	return nil, fault.New(fault.Failed,
		"start this role through its unit (systemctl start) or through 'bugspark up'",
		"no socket named %q was passed to this process (got %q)", name, strings.Join(names, ","))
}
