package systemd

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestStatusReadsSystemdsProperties(t *testing.T) {
	since := time.Date(2026, 11, 26, 10, 0, 0, 123000, time.UTC)
	all := map[string]any{
		"Description": "BugSpark API", "LoadState": "loaded", "ActiveState": "active", "SubState": "running",
		"StateChangeTimestamp": uint64(since.UnixMicro()), "NRestarts": uint32(2), "MemoryCurrent": uint64(5 << 20), "MainPID": uint32(77),
	}
	with := func(key string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range all {
			out[k] = v
		}
		if out[key] = value; value == nil {
			delete(out, key)
		}
		return out
	}
	full := Status{Name: api, Description: "BugSpark API", Load: "loaded", Active: "active", Sub: "running", Since: since, Restarts: 2, Memory: 5 << 20, MainPID: 77}
	changed := func(change func(*Status)) Status {
		s := full
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		properties map[string]any
		want       Status
		healthy    bool
	}{
		"everything":                   {all, full, true},
		"memory is not accounted":      {with("MemoryCurrent", uint64(math.MaxUint64)), changed(func(s *Status) { s.Memory = 0 }), true},
		"a socket has no memory":       {with("MemoryCurrent", nil), changed(func(s *Status) { s.Memory = 0 }), true},
		"it never changed":             {with("StateChangeTimestamp", uint64(0)), changed(func(s *Status) { s.Since = time.Time{} }), true},
		"a time out of range":          {with("StateChangeTimestamp", uint64(math.MaxUint64)), changed(func(s *Status) { s.Since = time.Time{} }), true},
		"a property of another type":   {with("NRestarts", "many"), changed(func(s *Status) { s.Restarts = 0 }), true},
		"stopped":                      {with("ActiveState", "inactive"), changed(func(s *Status) { s.Active = "inactive" }), false},
		"still starting is not health": {with("ActiveState", "activating"), changed(func(s *Status) { s.Active = "activating" }), false},
		"failed brings its last words": {with("ActiveState", "failed"), changed(func(s *Status) {
			s.Active, s.Why = "failed", "  first of "+api+"\n  last of "+api
		}), false},
		"words of runs before it are not its own": {func() map[string]any {
			p := with("ActiveState", "failed")
			p["InvocationID"] = []byte{0xab, 0x12}
			return p
		}(), changed(func(s *Status) {
			s.Active, s.Why = "failed", "  first of INVOCATION_ID=ab12\n  last of INVOCATION_ID=ab12"
		}), false},
		"systemd does not know it": {map[string]any{"LoadState": "not-found", "ActiveState": "inactive"}, Status{Name: api, Load: "not-found", Active: "inactive"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := fakeManager(t, &fakeBus{properties: map[string]map[string]any{api: c.properties}})
			got, err := m.Status(t.Context(), api)
			if err != nil || len(got) != 1 {
				t.Fatalf("%v, %v", got, err)
			}
			if !got[0].Since.Equal(c.want.Since) {
				t.Errorf("since %v, want %v", got[0].Since, c.want.Since)
			}
			got[0].Since = c.want.Since
			if got[0] != c.want || got[0].Healthy() != c.healthy {
				t.Errorf("got  %+v\nwant %+v", got[0], c.want)
			}
		})
	}
}

func TestStatusKeepsTheOrderAndNamesTheUnitThatCannotBeAsked(t *testing.T) {
	b := &fakeBus{}
	m := fakeManager(t, b)
	got, err := m.Status(t.Context(), "b.service", "a.service")
	if err != nil || got[0].Name != "b.service" || got[1].Name != "a.service" {
		t.Errorf("%v, %v", got, err)
	}
	broken := errors.New("the bus is gone")
	b.refused = map[string]error{"ask a.service": broken}
	if _, err := m.Status(t.Context(), "b.service", "a.service"); !errors.Is(err, broken) || !strings.Contains(err.Error(), "a.service") {
		t.Errorf("%v", err)
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]int{`"252.39-1~deb12u1"`: 252, `"257"`: 257, `255.4`: 255} {
		if got, err := fakeManager(t, &fakeBus{version: text}).Version(); got != want || err != nil {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", `"v252"`} {
		if got, err := fakeManager(t, &fakeBus{version: text}).Version(); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}
