// Package lifecycle speaks systemd's protocols for a long-running service:
// sockets handed over by name, readiness, watchdog, and a drain that drops no
// request when the service is restarted.
package lifecycle

import (
	"net"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/bugspark/bugspark/internal/fault"
)

// Listeners are the sockets systemd (or the foreground runner) passed to this
// process, by FileDescriptorName=.
type Listeners map[string][]net.Listener

// Inherited collects the passed sockets. It may be called once per process,
// because it clears LISTEN_FDS so that children do not inherit the claim.
func Inherited() (Listeners, error) {
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
