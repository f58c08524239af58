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

// manager is a service manager that only remembers: every unit it starts runs,
// but for those that the file says are broken.
type manager struct {
	file    string
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
	return func(context.Context, unit.Set) (assembly.ServiceManager, error) {
		m := &manager{file: file, Enabled: map[string]bool{}, Active: map[string]bool{}, DropIns: map[string]string{}, Broken: map[string]bool{}}
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return scripted{m}, nil
		}
		if err == nil {
			err = json.Unmarshal(data, m)
		}
		return scripted{m}, err
	}
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

func (s scripted) run(verb string, units []string) error {
	for _, u := range units {
		if s.m.Broken[u] {
			return fmt.Errorf("%s of %s failed", verb, u)
		}
		s.m.Active[u] = true
	}
	return s.call("%s %v", verb, units)
}

func (s scripted) Stop(_ context.Context, units ...string) error {
	for _, u := range units {
		s.m.Active[u] = false
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
		out = append(out, state)
	}
	return out, nil
}
