package systemd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

func TestJobsRunInOrderAndForgiveEarlierFailures(t *testing.T) {
	const database, socket = "bugspark-postgres.service", "bugspark-api.socket"
	for name, c := range map[string]struct {
		act    func(context.Context, *Manager) error
		active bool // the socket's service
		want   []string
	}{
		"start": {func(ctx context.Context, m *Manager) error { return m.Start(ctx, database, api) }, true,
			[]string{"reset-failed " + database, "start " + database, "reset-failed " + api, "start " + api}},
		"stop resets nothing": {func(ctx context.Context, m *Manager) error { return m.Stop(ctx, api, database) }, true,
			[]string{"stop " + api, "stop " + database}},
		"restart of a service": {func(ctx context.Context, m *Manager) error { return m.Restart(ctx, api) }, true,
			[]string{"reset-failed " + api, "restart " + api}},
		"a socket is restarted without its service": {func(ctx context.Context, m *Manager) error { return m.Restart(ctx, socket) }, true,
			[]string{"stop " + api, "reset-failed " + socket, "restart " + socket, "reset-failed " + api, "start " + api}},
		"a service that did not run stays down": {func(ctx context.Context, m *Manager) error { return m.Restart(ctx, socket) }, false,
			[]string{"stop " + api, "reset-failed " + socket, "restart " + socket}},
		"enable": {func(ctx context.Context, m *Manager) error { return m.SetEnabled(ctx, true, api, socket) }, true,
			[]string{"enable " + api + " " + socket, "reload"}},
		"disable": {func(ctx context.Context, m *Manager) error { return m.SetEnabled(ctx, false, api) }, true,
			[]string{"disable " + api, "reload"}},
	} {
		t.Run(name, func(t *testing.T) {
			state := "inactive"
			if c.active {
				state = "active"
			}
			b := &fakeBus{properties: map[string]map[string]any{api: {"ActiveState": state}}}
			if err := c.act(t.Context(), fakeManager(t, b)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(b.calls, c.want) {
				t.Errorf("called %q\nwant   %q", b.calls, c.want)
			}
		})
	}
}

func TestUnitsThatSystemdDoesNotHaveAreStoppedAlready(t *testing.T) {
	b := &fakeBus{refused: map[string]error{"stop " + api: noSuchUnit(), "reset-failed " + api: noSuchUnit()}}
	m := fakeManager(t, b)
	if err := m.Stop(t.Context(), api); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := m.Start(t.Context(), api); err != nil {
		t.Errorf("start of a unit that never failed: %v", err)
	}
	b.refused = map[string]error{"start " + api: noSuchUnit()}
	if err := m.Start(t.Context(), api); err == nil {
		t.Error("start of a unit that is not there succeeded")
	}
	if err := m.Restart(t.Context(), "nonsense.service"); err == nil {
		t.Error("restart of a unit that we do not ship succeeded")
	}
}

func TestARefusedCallEndsTheRow(t *testing.T) {
	for _, call := range []string{"reset-failed " + api, "start " + api} {
		b := &fakeBus{refused: map[string]error{call: errors.New("access denied")}}
		err := fakeManager(t, b).Start(t.Context(), api, "bugspark-proxy.service")
		if err == nil || !strings.Contains(err.Error(), "access denied") || !strings.Contains(err.Error(), api) {
			t.Errorf("%s: %v", call, err)
		}
		if slices.Contains(b.calls, "start bugspark-proxy.service") {
			t.Errorf("%s: the next unit was started: %q", call, b.calls)
		}
	}
}

func TestAFailedJobIsExplained(t *testing.T) {
	const database = "bugspark-postgres.service"
	for name, c := range map[string]struct {
		result string
		failed string // another unit
		words  []string
	}{
		"the unit's own words":          {"failed", "", []string{`start of ` + api + ` ended with "failed"`, api + " said last", "  last of " + api}},
		"a timeout":                     {"timeout", database, []string{`"timeout"`, "last of " + api}},
		"the dependency's words":        {"dependency", database, []string{`ended with "dependency"`, database + " said last", "last of " + database}},
		"a dependency that is not ours": {"dependency", "", []string{`"dependency"`, "last of " + api}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &fakeBus{results: map[string]string{"start " + api: c.result}, properties: map[string]map[string]any{}}
			if c.failed != "" {
				b.properties[c.failed] = map[string]any{"ActiveState": "failed"}
			}
			err := fakeManager(t, b).Start(t.Context(), api, "bugspark-proxy.service")
			if fault.Status(err) != int(fault.Failed) || !slices.Equal(fault.Hints(err), []string{"journalctl -u " + api + " -e"}) {
				t.Fatalf("%v, next %q", err, fault.Hints(err))
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q is missing in\n%v", word, err)
				}
			}
			if slices.Contains(b.calls, "start bugspark-proxy.service") {
				t.Errorf("the next unit was started: %q", b.calls)
			}
		})
	}
}

func TestAnUnreadableOrEmptyJournalIsSaid(t *testing.T) {
	b := &fakeBus{results: map[string]string{"start " + api: "failed"}}
	m := fakeManager(t, b)
	m.run = func(context.Context, string, ...string) ([]byte, error) { return nil, errors.New("not permitted") }
	if err := m.Start(t.Context(), api); err == nil || !strings.Contains(err.Error(), "its journal cannot be read: not permitted") {
		t.Errorf("%v", err)
	}
	m.run = func(context.Context, string, ...string) ([]byte, error) { return []byte("\n"), nil }
	if err := m.Start(t.Context(), api); err == nil || !strings.Contains(err.Error(), "the journal has no line of it") {
		t.Errorf("%v", err)
	}
}

func TestWaitingForAJobEndsWithTheContext(t *testing.T) {
	m := fakeManager(t, &fakeBus{results: map[string]string{"start " + api: ""}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := m.Start(ctx, api); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), api) {
		t.Errorf("%v", err)
	}
}

func TestMissingAsksForAnInstanceOfATemplate(t *testing.T) {
	b := &fakeBus{properties: map[string]map[string]any{
		api: {"LoadState": "not-found"}, "bugspark-alert@any.service": {"LoadState": "not-found"}, "bugspark-proxy.service": {"LoadState": "masked"},
	}}
	got, err := fakeManager(t, b).Missing(t.Context())
	slices.Sort(got)
	if want := []string{"bugspark-alert@.service", api}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestStatesAreReadAsSystemdMeansThem(t *testing.T) {
	for state, want := range map[string]bool{"active": true, "reloading": true, "activating": false, "deactivating": false, "failed": false, "inactive": false} {
		m := fakeManager(t, &fakeBus{properties: map[string]map[string]any{api: {"ActiveState": state}}})
		if got, err := m.Active(t.Context(), api); got != want || err != nil {
			t.Errorf("ActiveState=%s: %v, %v", state, got, err)
		}
	}
	for state, want := range map[string]bool{"enabled": true, "enabled-runtime": false, "static": false, "masked": false, "": false} {
		m := fakeManager(t, &fakeBus{properties: map[string]map[string]any{api: {"UnitFileState": state}}})
		if got, err := m.Enabled(t.Context(), api); got != want || err != nil {
			t.Errorf("UnitFileState=%s: %v, %v", state, got, err)
		}
	}
	m := fakeManager(t, &fakeBus{properties: map[string]map[string]any{api: {"ActiveState": uint32(1)}}})
	if _, err := m.Active(t.Context(), api); err == nil {
		t.Error("a number was taken for a state")
	}
}
