package alert

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// fakeUnits is a service manager.
type fakeUnits struct {
	states   map[string]UnitState
	said     map[string]string
	broken   error
	rebooted bool // nothing has run since
}

func (f *fakeUnits) State(_ context.Context, unit string) (UnitState, error) {
	st, ok := f.states[unit]
	if !ok {
		st.Active = "inactive"
	}
	if st.Active == "inactive" && st.Started.IsZero() && !f.rebooted {
		st.Started = time.Unix(1, 0)
	}
	return st, f.broken
}

func (f *fakeUnits) Failed(context.Context) ([]string, error) {
	var out []string
	for unit, st := range f.states {
		if st.Active == "failed" {
			out = append(out, unit)
		}
	}
	return out, f.broken
}

func (f *fakeUnits) LastLines(_ context.Context, unit string) string { return f.said[unit] }

// fakeChannel keeps what it is sent. The channels of a Notifier work at the same
// time.
type fakeChannel struct {
	name string

	mu   sync.Mutex
	down bool
	sent []Message
	then func() // called after a message was taken
}

func (c *fakeChannel) Name() string { return c.name }

func (c *fakeChannel) Send(_ context.Context, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return errors.New("the channel is down")
	}
	c.sent = append(c.sent, m)
	if c.then != nil {
		c.then()
	}
	return nil
}

// take returns what was sent since the last call, as "KEY STATE".
func (c *fakeChannel) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []string{}
	for _, m := range c.sent {
		out = append(out, m.Key+" "+m.State)
	}
	c.sent = nil
	return out
}

// bench is a Notifier on fakes, with a clock that the test moves.
type bench struct {
	*Notifier
	units *fakeUnits
	mail  *fakeChannel
	hook  *fakeChannel
	now   time.Time
}

func newBench(t *testing.T) *bench {
	dir := t.TempDir()
	b := &bench{
		units: &fakeUnits{states: map[string]UnitState{}, said: map[string]string{}},
		mail:  &fakeChannel{name: "mail"}, hook: &fakeChannel{name: "webhook"},
		now: time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC),
	}
	b.Notifier = &Notifier{
		Dir: dir, Channels: []Channel{b.mail, b.hook}, Units: b.units, BackupProblems: filepath.Join(dir, "backups.json"),
		Host: "db1", Server: "bugs.example.org", Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return b.now },
	}
	return b
}

// fail makes a unit fail and starts the alert, as OnFailure= does.
func (b *bench) fail(ctx context.Context, unit, text string) error {
	b.units.states[unit] = UnitState{Active: "failed", Started: b.now}
	b.units.said[unit] = text
	return b.Notify(ctx, unit)
}
