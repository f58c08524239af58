// Package systemd runs the unit set under systemd, over D-Bus: it enables,
// starts in order and waits for readiness, and when a unit fails it says why,
// with the unit's last journal lines.
package systemd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// Manager talks to the systemd of this machine.
type Manager struct {
	conn bus
	set  unit.Set
	etc  string // /etc/systemd/system, where drop-ins go
	run  func(ctx context.Context, name string, args ...string) ([]byte, error)
	// memory asks a process where systemd does not account it; nil: nobody is asked.
	memory func(pid uint32) uint64
}

// Connect reaches systemd, or says why this machine has none that answers.
func Connect(ctx context.Context, set unit.Set) (*Manager, error) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil, fault.New(fault.Preflight, "use 'bugspark up --dir DIR' to run in the foreground, or a machine that boots with systemd",
			"systemd does not manage this machine")
	}
	conn, err := dbus.NewWithContext(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "start the system bus: systemctl start dbus.socket", "systemd does not answer on the system bus")
	}
	m := &Manager{conn: conn, set: set, etc: "/etc/systemd/system", memory: memoryOf}
	m.run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
		return exec.CommandContext(ctx, name, args...).Output()
	}
	return m, nil
}

// Close ends the connection.
func (m *Manager) Close() { m.conn.Close() }

// Version is systemd's version number, such as 252.
func (m *Manager) Version() (int, error) {
	text, err := m.conn.GetManagerProperty("Version")
	if err != nil {
		return 0, fmt.Errorf("asking systemd for its version: %w", err)
	}
	var n int
	if _, err := fmt.Sscanf(strings.Trim(text, `"`), "%d", &n); err != nil {
		return 0, fmt.Errorf("reading systemd's version %s: %w", text, err)
	}
	return n, nil
}

// Missing lists the shipped units that systemd cannot find.
func (m *Manager) Missing(ctx context.Context) ([]string, error) {
	var out []string
	for _, name := range m.set.Names() {
		// Of a template only instances can be asked for.
		state, err := m.property(ctx, strings.Replace(name, "@.", "@any.", 1), "LoadState")
		if err != nil {
			return nil, err
		}
		if state == "not-found" {
			out = append(out, name)
		}
	}
	return out, nil
}

// Install writes units where no package did, and reloads systemd. It never
// touches a unit of the package: those live in /usr/lib/systemd/system.
func (m *Manager) Install(ctx context.Context, names []string, read func(string) ([]byte, error)) error {
	for _, name := range names {
		data, err := read(name)
		if err != nil {
			return fmt.Errorf("reading the shipped unit: %w", err)
		}
		if err := writeFile(filepath.Join(m.etc, name), data); err != nil {
			return fmt.Errorf("installing %s: %w", name, err)
		}
	}
	return m.reload(ctx)
}

// Enabled reports whether the unit starts with the machine.
func (m *Manager) Enabled(ctx context.Context, name string) (bool, error) {
	state, err := m.property(ctx, name, "UnitFileState")
	return state == "enabled", err
}

// SetEnabled enables or disables units for the next boot; it starts nothing.
func (m *Manager) SetEnabled(ctx context.Context, on bool, names ...string) error {
	var err error
	if on {
		_, _, err = m.conn.EnableUnitFilesContext(ctx, names, false, true)
	} else {
		_, err = m.conn.DisableUnitFilesContext(ctx, names, false)
	}
	if err != nil {
		return fmt.Errorf("changing what starts with the machine: %w", err)
	}
	return m.reload(ctx)
}

// Active reports whether the unit is up (and ready, for a service).
func (m *Manager) Active(ctx context.Context, name string) (bool, error) {
	state, err := m.property(ctx, name, "ActiveState")
	return state == "active" || state == "reloading", err
}

// Start starts units one after the other and waits until each is ready.
func (m *Manager) Start(ctx context.Context, names ...string) error {
	return m.each(ctx, names, "start", m.conn.StartUnitContext)
}

// Restart restarts units one after the other. A socket cannot be restarted
// while its service runs, so the service stops first and starts after it.
func (m *Manager) Restart(ctx context.Context, names ...string) error {
	for _, name := range names {
		u, err := m.set.Unit(name)
		if err != nil {
			return err
		}
		if u.Socket == nil {
			if err := m.each(ctx, []string{name}, "restart", m.conn.RestartUnitContext); err != nil {
				return err
			}
			continue
		}
		service := u.Socket.Service
		running, err := m.Active(ctx, service)
		if err != nil {
			return err
		}
		if err := m.Stop(ctx, service); err != nil {
			return err
		}
		if err := m.each(ctx, []string{name}, "restart", m.conn.RestartUnitContext); err != nil {
			return err
		}
		if running {
			if err := m.Start(ctx, service); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reload has units that run read their configuration anew.
func (m *Manager) Reload(ctx context.Context, names ...string) error {
	return m.each(ctx, names, "reload", m.conn.ReloadUnitContext)
}

// Stop stops units; one that does not run is no error. Whoever wants to start one
// meanwhile is refused: with "replace" that would cancel the stop.
func (m *Manager) Stop(ctx context.Context, names ...string) error {
	return m.each(ctx, names, "stop", m.conn.StopUnitContext)
}

type jobFunc func(ctx context.Context, name, mode string, done chan<- string) (int, error)

func (m *Manager) each(ctx context.Context, names []string, verb string, job jobFunc) error {
	mode := "replace"
	if verb == "stop" {
		mode = "replace-irreversibly"
	}
	for _, name := range names {
		if verb != "stop" {
			// A unit that failed too often refuses to start until it is told that
			// somebody looked; an administrator's start or restart is that word.
			if err := m.conn.ResetFailedUnitContext(ctx, name); err != nil && !notLoaded(err) {
				return fmt.Errorf("resetting %s: %w", name, err)
			}
		}
		done := make(chan string, 1)
		if _, err := job(ctx, name, mode, done); err != nil {
			if verb == "stop" && notLoaded(err) {
				continue
			}
			return fmt.Errorf("asking systemd to %s %s: %w", verb, name, err)
		}
		select {
		case result := <-done:
			if result != "done" {
				return m.explain(ctx, name, verb, result)
			}
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", name, ctx.Err())
		}
	}
	return nil
}

// notLoaded reports whether err says that systemd has no such unit in memory.
func notLoaded(err error) bool {
	var e godbus.Error
	return errors.As(err, &e) && e.Name == "org.freedesktop.systemd1.NoSuchUnit"
}

// explain turns a failed job into a fault with the unit's own last words.
func (m *Manager) explain(ctx context.Context, name, verb, result string) error {
	hint := fmt.Sprintf("journalctl -u %s -e", name)
	culprit := name
	if result == "dependency" {
		if other := m.failed(ctx); other != "" {
			culprit = other
		}
	}
	why := m.lastWords(ctx, culprit)
	if why == "" {
		why = "the journal has no line of it"
	}
	return fault.New(fault.Failed, hint, "%s of %s ended with %q; %s said last:\n%s", verb, name, result, culprit, why)
}

func (m *Manager) failed(ctx context.Context) string {
	units, err := m.conn.ListUnitsByPatternsContext(ctx, []string{"failed"}, []string{"bugspark*"})
	if err != nil || len(units) == 0 {
		return ""
	}
	return units[0].Name
}

// lastWords returns the last journal lines of the unit's present run.
func (m *Manager) lastWords(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	match := []string{"-u", name}
	if id := m.invocation(ctx, name); id != "" { // its own lines, and systemd's of it
		match = []string{"_SYSTEMD_INVOCATION_ID=" + id, "+", "INVOCATION_ID=" + id}
	}
	out, err := m.run(ctx, "journalctl", append([]string{"--no-pager", "-q", "-o", "cat", "-n", "8"}, match...)...)
	if err != nil {
		return "(its journal cannot be read: " + err.Error() + ")"
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(string(out))) {
		lines = append(lines, "  "+strings.TrimRight(line, "\n"))
	}
	return strings.Join(lines, "\n")
}

// invocation is systemd's name for the present or last run of a unit; empty when it does
// not tell.
func (m *Manager) invocation(ctx context.Context, name string) string {
	p, err := m.conn.GetUnitPropertyContext(ctx, name, "InvocationID")
	if err != nil {
		return ""
	}
	id, ok := p.Value.Value().([]byte)
	if !ok {
		return ""
	}
	return hex.EncodeToString(id)
}

func (m *Manager) reload(ctx context.Context) error {
	if err := m.conn.ReloadContext(ctx); err != nil {
		return fmt.Errorf("reloading systemd: %w", err)
	}
	return nil
}

func (m *Manager) property(ctx context.Context, name, property string) (string, error) {
	p, err := m.conn.GetUnitPropertyContext(ctx, name, property)
	if err != nil {
		return "", fmt.Errorf("asking systemd about %s: %w", name, err)
	}
	text, ok := p.Value.Value().(string)
	if !ok {
		return "", fmt.Errorf("systemd's %s of %s is no text", property, name)
	}
	return text, nil
}
