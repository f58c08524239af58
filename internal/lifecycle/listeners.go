// Package lifecycle speaks systemd's protocols for a long-running service:
// sockets handed over by name, readiness, watchdog, and a drain that drops no
// request when the service is restarted.
package lifecycle

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

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
