package systemd

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Status is the state of one unit as systemd sees it.
type Status struct {
	Name        string
	Description string
	Load        string // loaded, not-found, masked
	Active      string // active, activating, inactive, failed
	Sub         string // running, exited, listening, dead
	Since       time.Time
	Restarts    uint32
	Memory      uint64 // bytes; 0 when neither systemd nor the process tells
	MainPID     uint32
	Why         string // last journal lines, of a failed unit only
}

// Healthy reports whether the unit is in the state it was started for.
func (s Status) Healthy() bool { return s.Active == "active" }

// Status asks about units, in the order given.
func (m *Manager) Status(ctx context.Context, names ...string) ([]Status, error) {
	out := make([]Status, 0, len(names))
	for _, name := range names {
		all, err := m.conn.GetAllPropertiesContext(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("asking systemd about %s: %w", name, err)
		}
		p := properties(all)
		s := Status{
			Name: name, Description: p.text("Description"), Load: p.text("LoadState"),
			Active: p.text("ActiveState"), Sub: p.text("SubState"), Since: p.when("StateChangeTimestamp"),
			Restarts: uint32(p.number("NRestarts")), Memory: p.number("MemoryCurrent"), MainPID: uint32(p.number("MainPID")),
		}
		if s.Memory == math.MaxUint64 { // systemd's "not known"
			s.Memory = 0
		}
		if s.Memory == 0 && s.MainPID != 0 && m.memory != nil {
			s.Memory = m.memory(s.MainPID)
		}
		if s.Active == "failed" {
			s.Why = m.lastWords(ctx, name)
		}
		out = append(out, s)
	}
	return out, nil
}

type properties map[string]any

func (p properties) text(key string) string {
	s, _ := p[key].(string)
	return s
}

func (p properties) number(key string) uint64 {
	switch n := p[key].(type) {
	case uint32:
		return uint64(n)
	case uint64:
		return n
	default:
		return 0
	}
}

// when reads one of systemd's timestamps, microseconds since the epoch.
func (p properties) when(key string) time.Time {
	if n := p.number(key); n > 0 && n < math.MaxInt64 {
		return time.UnixMicro(int64(n))
	}
	return time.Time{}
}
