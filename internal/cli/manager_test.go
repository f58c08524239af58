package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/host/systemd"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// managerFile names the file in which the service manager of the scripts keeps its
// state between two commands.
const managerFile = "BUGSPARK_TEST_MANAGER"

// manager is a service manager that only remembers: every unit it starts runs with
// what it requires, but for those that the file says are broken, and what requires a
// unit stops with it.
type manager struct {
	file    string
	set     unit.Set
	Enabled map[string]bool   `json:"enabled"`
	Active  map[string]bool   `json:"active"`
	DropIns map[string]string `json:"drop_ins"`
	Broken  map[string]bool   `json:"broken"`
	Calls   []string          `json:"calls"`
}

// connect is nil, which is systemd, unless the script asks for the other one.
func connect() func(context.Context, unit.Set) (assembly.ServiceManager, error) {
	file := os.Getenv(managerFile)
	if file == "" {
		return nil
	}
	return func(_ context.Context, set unit.Set) (assembly.ServiceManager, error) {
		m, err := remembered(file, set)
		return scripted{m}, err
	}
}

// remembered is the manager whose state a file holds.
func remembered(file string, set unit.Set) (*manager, error) {
	m := &manager{file: file, set: set, Enabled: map[string]bool{}, Active: map[string]bool{}, DropIns: map[string]string{}, Broken: map[string]bool{}}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(data, m)
	}
	return m, err
}

// start starts a unit after what it requires.
func (m *manager) start(verb, name string) error {
	u, err := m.set.Unit(name)
	if err != nil {
		return err
	}
	for _, other := range u.Requires {
		if m.Active[other] {
			continue
		}
		if err := m.start("start", other); err != nil {
			return err
		}
	}
	if m.Broken[name] {
		return fmt.Errorf("%s of %s failed", verb, name)
	}
	m.Active[name] = true
	return nil
}

// stop stops a unit and what requires it.
func (m *manager) stop(name string) {
	m.Active[name] = false
	for _, other := range m.set.Names() {
		if u, err := m.set.Unit(other); err == nil && m.Active[other] && slices.Contains(u.Requires, name) {
			m.stop(other)
		}
	}
}

// visit is a connection to a socket, which starts its service. Where no socket
// listens, nothing is started.
func (m *manager) visit(socket string) error {
	u, err := m.set.Unit(socket)
	if err != nil {
		return err
	}
	if !m.Active[socket] {
		return fmt.Errorf("nothing listens at %s", socket)
	}
	if m.Active[u.Socket.Service] {
		return nil
	}
	return m.start("start", u.Socket.Service)
}

// scripted has the methods, which share names with the fields of the state.
type scripted struct{ m *manager }

func (s scripted) call(format string, args ...any) error {
	s.m.Calls = append(s.m.Calls, fmt.Sprintf(format, args...))
	data, err := json.MarshalIndent(s.m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.m.file, data, 0o600)
}

func (s scripted) Enabled(_ context.Context, u string) (bool, error) { return s.m.Enabled[u], nil }
func (s scripted) Active(_ context.Context, u string) (bool, error)  { return s.m.Active[u], nil }
func (s scripted) DropIn(u string) (string, error)                   { return s.m.DropIns[u], nil }
func (s scripted) Version() (int, error)                             { return 252, nil }
func (s scripted) Missing(context.Context) ([]string, error)         { return nil, nil }
func (s scripted) Close()                                            {}

func (s scripted) SetEnabled(_ context.Context, on bool, units ...string) error {
	for _, u := range units {
		s.m.Enabled[u] = on
	}
	return s.call("enable %v %v", on, units)
}

func (s scripted) WriteDropIn(_ context.Context, u, content string) error {
	s.m.DropIns[u] = content
	return s.call("drop-in %s", u)
}

func (s scripted) Start(_ context.Context, units ...string) error { return s.run("start", units) }

func (s scripted) Restart(_ context.Context, units ...string) error { return s.run("restart", units) }

func (s scripted) Reload(_ context.Context, units ...string) error { return s.run("reload", units) }

func (s scripted) run(verb string, units []string) error {
	for _, u := range units {
		if err := s.m.start(verb, u); err != nil {
			return err
		}
	}
	return s.call("%s %v", verb, units)
}

func (s scripted) Stop(_ context.Context, units ...string) error {
	for _, u := range units {
		s.m.stop(u)
	}
	return s.call("stop %v", units)
}

func (s scripted) Status(_ context.Context, units ...string) ([]systemd.Status, error) {
	var out []systemd.Status
	for _, u := range slices.Sorted(slices.Values(units)) {
		state := systemd.Status{Name: u, Load: "loaded", Active: "inactive", Sub: "dead"}
		if s.m.Active[u] {
			state.Active, state.Sub = "active", "running"
		}
		if s.m.Broken[u] {
			state.Active, state.Sub, state.Why = "failed", "failed", "  why "+u
		}
		out = append(out, state)
	}
	return out, nil
}
