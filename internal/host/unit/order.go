package unit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
)

// Target is the unit that starts and stops all others.
const Target = "bugspark.target"

// Services lists the services in the order of their start.
func (s Set) Services() []Unit {
	var out []Unit
	for _, name := range s.order {
		if u := s.units[name]; u.Service != nil {
			out = append(out, u)
		}
	}
	return out
}

// Selected lists the units that run on a site, in the order of their start, and those
// that do not, in the order in which they are stopped.
func (s Set) Selected(site config.Config) (on, off []string) {
	for _, name := range s.order {
		u := s.units[name]
		switch {
		case len(u.WantedBy) == 0:
		case slices.ContainsFunc(u.Deployment.When, func(c Condition) bool { return !c.Holds(site) }):
			off = append(off, name)
		default:
			on = append(on, name)
		}
	}
	slices.Reverse(off)
	return on, off
}

// Jobs lists the services that timers and paths of a site start, sorted. Between two
// runs they do nothing, so only one that failed says how it is.
func (s Set) Jobs(site config.Config) []string {
	var out []string
	on, _ := s.Selected(site)
	for _, name := range on {
		for _, kind := range []string{"Timer", "Path"} {
			base, ok := strings.CutSuffix(name, "."+strings.ToLower(kind))
			if !ok {
				continue
			}
			starts := base + ".service"
			if named := s.units[name].Values(kind, "Unit"); len(named) > 0 {
				starts = named[len(named)-1]
			}
			out = append(out, starts)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ProvidersOf lists the units that must run for "database" or "storage" to answer,
// sockets included, in the order of their start.
func (s Set) ProvidersOf(what string) []string {
	return s.pick(func(u Unit) bool {
		if u.Socket != nil {
			u = s.units[u.Socket.Service]
		}
		return slices.Contains(u.Deployment.Provides, what)
	})
}

// WritersOf lists the services that write to "database", in the order of their start.
// A restore stops them while it exchanges the data.
func (s Set) WritersOf(what string) []string {
	return s.pick(func(u Unit) bool { return slices.Contains(u.Deployment.Writes, what) })
}

// WithSockets appends the sockets that would start the services again.
func (s Set) WithSockets(services []string) []string {
	out := slices.Clone(services)
	for _, name := range services {
		for _, socket := range s.SocketsOf(name) {
			out = append(out, socket.Name)
		}
	}
	return out
}

// Supervised lists the services that may be restarted through the supervisor: those that
// serve, but for the migrations, which are no process that could hang. A caller who could
// run jobs of the backups would fill a target or hold up a restore.
func (s Set) Supervised() []string {
	return s.pick(func(u Unit) bool { return u.Service != nil && u.Deployment.Serves && u.Service.Type != "oneshot" })
}

// Serves tells whether visitors and the team are served by a unit, or by the service of a
// socket.
func (s Set) Serves(name string) bool {
	u := s.units[name]
	if u.Socket != nil {
		u = s.units[u.Socket.Service]
	}
	return u.Deployment.Serves
}

func (s Set) pick(wanted func(Unit) bool) []string {
	return slices.DeleteFunc(slices.Clone(s.order), func(name string) bool { return !wanted(s.units[name]) })
}

// ordered sorts units by After= and Before=, by what systemd adds to them (see
// predecessors), and otherwise by name.
func (s Set) ordered() ([]string, error) {
	var out []string
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
		for _, before := range s.predecessors(s.units[name]) {
			if err := visit(before); err != nil {
				return err
			}
		}
		state[name] = done
		out = append(out, name)
		return nil
	}
	for _, name := range s.names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// predecessors are the shipped units that must be up before u. systemd itself puts a
// socket, a timer and a path before the service it starts, and a target after the
// units that it wants.
func (s Set) predecessors(u Unit) []string {
	var out []string
	for _, name := range u.After {
		// Units are after the target so that they stop before it. Whoever starts them one by
		// one starts it last, because it starts everything.
		if _, ours := s.units[name]; ours && path.Ext(name) != ".target" {
			out = append(out, name)
		}
	}
	for _, name := range s.names {
		other := s.units[name]
		trigger, _ := s.triggered(name)
		if slices.Contains(other.Before, u.Name) || trigger == u.Name ||
			(other.Socket != nil && other.Socket.Service == u.Name) ||
			(path.Ext(u.Name) == ".target" && slices.Contains(other.WantedBy, u.Name)) {
			out = append(out, name)
		}
	}
	return out
}
