package systemd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// fakeBus answers as systemd does, from a table of properties.
type fakeBus struct {
	properties map[string]map[string]any // of units
	results    map[string]string         // of jobs, by "verb unit"; "done" if absent, no answer if empty
	refused    map[string]error          // of calls, by "verb unit"
	version    string
	calls      []string
}

func (b *fakeBus) call(verb string, units ...string) error {
	b.calls = append(b.calls, strings.TrimSpace(verb+" "+strings.Join(units, " ")))
	return b.refused[b.calls[len(b.calls)-1]]
}

func (b *fakeBus) Close() {}

func (b *fakeBus) GetManagerProperty(string) (string, error) { return b.version, b.refused["version"] }

func (b *fakeBus) ReloadContext(context.Context) error { return b.call("reload") }

func (b *fakeBus) GetUnitPropertyContext(_ context.Context, name, property string) (*dbus.Property, error) {
	if err := b.refused["ask "+name]; err != nil {
		return nil, err
	}
	value, ok := b.properties[name][property]
	if !ok {
		value = ""
	}
	return &dbus.Property{Name: property, Value: godbus.MakeVariant(value)}, nil
}

func (b *fakeBus) GetAllPropertiesContext(_ context.Context, name string) (map[string]any, error) {
	return maps.Clone(b.properties[name]), b.refused["ask "+name]
}

func (b *fakeBus) ListUnitsByPatternsContext(_ context.Context, states, _ []string) (out []dbus.UnitStatus, err error) {
	for _, name := range slices.Sorted(maps.Keys(b.properties)) {
		if state, _ := b.properties[name]["ActiveState"].(string); slices.Contains(states, state) {
			out = append(out, dbus.UnitStatus{Name: name, ActiveState: state})
		}
	}
	return out, b.refused["list"]
}

func (b *fakeBus) ResetFailedUnitContext(_ context.Context, name string) error {
	return b.call("reset-failed", name)
}

func (b *fakeBus) EnableUnitFilesContext(_ context.Context, files []string, _, _ bool) (bool, []dbus.EnableUnitFileChange, error) {
	return false, nil, b.call("enable", files...)
}

func (b *fakeBus) DisableUnitFilesContext(_ context.Context, files []string, _ bool) ([]dbus.DisableUnitFileChange, error) {
	return nil, b.call("disable", files...)
}

func (b *fakeBus) job(verb, name string, done chan<- string) (int, error) {
	if err := b.call(verb, name); err != nil {
		return 0, err
	}
	result, told := b.results[verb+" "+name]
	if !told {
		result = "done"
	}
	if result != "" {
		done <- result
	}
	return 1, nil
}

func (b *fakeBus) StartUnitContext(_ context.Context, name, _ string, done chan<- string) (int, error) {
	return b.job("start", name, done)
}

func (b *fakeBus) RestartUnitContext(_ context.Context, name, _ string, done chan<- string) (int, error) {
	return b.job("restart", name, done)
}

func (b *fakeBus) ReloadUnitContext(_ context.Context, name, _ string, done chan<- string) (int, error) {
	return b.job("reload-unit", name, done)
}

func (b *fakeBus) StopUnitContext(_ context.Context, name, _ string, done chan<- string) (int, error) {
	return b.job("stop", name, done)
}

// fakeManager is a manager of the shipped units with a bus of answers, a
// directory in the place of /etc/systemd/system and a journal that names the unit.
func fakeManager(t *testing.T, b *fakeBus) *Manager {
	t.Helper()
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		t.Fatal(err)
	}
	journal := func(_ context.Context, name string, args ...string) ([]byte, error) {
		if name != "journalctl" {
			return nil, errors.New("no such program")
		}
		return fmt.Appendf(nil, "first of %s\nlast of %[1]s\n", args[len(args)-1]), nil
	}
	return &Manager{conn: b, set: set, etc: t.TempDir(), run: journal}
}

func noSuchUnit() error {
	return fmt.Errorf("bus: %w", godbus.Error{Name: "org.freedesktop.systemd1.NoSuchUnit"})
}
