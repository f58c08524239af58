// Package unit reads the shipped unit files into a typed set. What runs is
// described there and nowhere else; the consumers (systemd, the foreground
// runner) are renderings of this set and know nothing of each other.
package unit

import (
	"fmt"
	"time"
)

// Set is every unit of the product.
type Set struct {
	units map[string]Unit
	names []string // sorted
}

// Unit is one unit file.
type Unit struct {
	Name        string // with its suffix
	Description string

	Requires, Wants, After, Before []string
	JoinsNamespaceOf               []string
	WantedBy                       []string

	Service *Service // of a .service
	Socket  *Socket  // of a .socket

	// Compose is the [X-Compose] section, which systemd ignores by design.
	Compose map[string][]string

	// Extra is every directive without a field here (most of them build the
	// sandbox), so that a consumer can say what it leaves out.
	Extra []Option
}

// Option is one directive as written.
type Option struct{ Section, Key, Value string }

// Service is what a .service says about its processes. Durations are zero for
// "infinity" and for what is not set; see HasTimeoutStart and so on in systemd's
// manual for its defaults, which the shipped units do not rely on.
type Service struct {
	Type            string // notify, oneshot
	RemainAfterExit bool
	ExecStartPre    [][]string
	ExecStart       []string
	ExecStartPost   [][]string
	User            string
	Groups          []string // supplementary
	Credentials     []Credential
	Environment     []string
	StateDirectory  []string
	Sockets         []string // sockets handed over beside the one of the same name
	Restart         string
	RestartSec      time.Duration
	TimeoutStart    time.Duration
	TimeoutStop     time.Duration
	Watchdog        time.Duration
	KillSignal      string // SIGTERM unless said otherwise
	KillMode        string
}

// Credential is one LoadCredential=.
type Credential struct{ Name, Path string }

// Socket is what a .socket says about its listener.
type Socket struct {
	ListenStream string
	Name         string // FileDescriptorName=
	Service      string // the unit that gets the listener
	Group        string
	Mode         string
}

// Unit returns the named unit.
func (s Set) Unit(name string) (Unit, error) {
	u, ok := s.units[name]
	if !ok {
		return Unit{}, fmt.Errorf("no unit %q is shipped (there are %v)", name, s.names)
	}
	return u, nil
}

// Names lists every unit, sorted.
func (s Set) Names() []string { return append([]string(nil), s.names...) }

// Services lists the services in an order that respects After= and Before=.
func (s Set) Services() ([]Unit, error) {
	var out []Unit
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case visiting:
			return fmt.Errorf("the ordering of the units goes in a circle at %s", name)
		case done:
			return nil
		}
		state[name] = visiting
		u := s.units[name]
		for _, before := range s.predecessors(u) {
			if err := visit(before); err != nil {
				return err
			}
		}
		state[name] = done
		if u.Service != nil {
			out = append(out, u)
		}
		return nil
	}
	for _, name := range s.names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// predecessors are the shipped units that must be up before u.
func (s Set) predecessors(u Unit) []string {
	var out []string
	for _, name := range u.After {
		if _, ours := s.units[name]; ours {
			out = append(out, name)
		}
	}
	for _, name := range s.names {
		for _, later := range s.units[name].Before {
			if later == u.Name {
				out = append(out, name)
			}
		}
	}
	return out
}

// SocketsOf lists the sockets whose listeners the service gets.
func (s Set) SocketsOf(service string) []Unit {
	var out []Unit
	for _, name := range s.names {
		if u := s.units[name]; u.Socket != nil && u.Socket.Service == service {
			out = append(out, u)
		}
	}
	return out
}
