package backup_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

// TestSequencesOfSetsAndPrunesKeepTheWindow takes sets and prunes at random times,
// and asks after each prune whether every moment of the window can still be
// brought back. BUGSPARK_SOAK is how long it goes on.
func TestSequencesOfSetsAndPrunesKeepTheWindow(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(2 * time.Second)
	if soak := os.Getenv("BUGSPARK_SOAK"); soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		end = time.Now().Add(d)
	}
	prunes := 0
	for seed := uint64(time.Now().UnixNano()); time.Now().Before(end); seed++ {
		m := newRetentionModel(seed)
		if err := m.run(300); err != nil {
			t.Fatalf("seed %d, %+v: %v", seed, m.retention, err)
		}
		prunes += m.prunes
	}
	if prunes == 0 {
		t.Error("nothing was pruned")
	}
}

// retentionModel is a target with its sets and how far back its WAL reaches.
type retentionModel struct {
	random    *rand.Rand
	retention backup.Retention
	now       time.Time
	sets      []repository.Set
	first     time.Time // the first set ever was whole then
	wal       time.Time // there is WAL from here on
	prunes    int
}

func newRetentionModel(seed uint64) *retentionModel {
	r := rand.New(rand.NewPCG(seed, 0))
	return &retentionModel{
		random: r, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		retention: backup.Retention{
			Daily: r.IntN(10), Weekly: r.IntN(6), Monthly: r.IntN(6),
			Window: time.Duration(1+r.IntN(30)) * 24 * time.Hour, NoWAL: r.IntN(4) == 0,
		},
	}
}

func (m *retentionModel) run(steps int) error {
	for range steps {
		m.now = m.now.Add(time.Duration(m.random.Int64N(int64(30 * time.Hour))))
		if m.random.IntN(3) > 0 {
			m.take()
			continue
		}
		if err := m.prune(); err != nil {
			return err
		}
	}
	return nil
}

func (m *retentionModel) take() {
	took := time.Duration(m.random.Int64N(int64(3 * time.Hour)))
	s := repository.Set{ID: fmt.Sprint(len(m.sets), m.now), BeganAt: m.now, EndedAt: m.now.Add(took)}
	m.now = s.EndedAt
	if m.first.IsZero() {
		m.first, m.wal = s.EndedAt, s.BeganAt
	}
	m.sets = append(m.sets, s)
}

func (m *retentionModel) prune() error {
	// On one timeline, the newest set from before the window leads to all of it.
	base, begin := repository.Set{}, m.now.Add(-m.retention.Window)
	for _, s := range slices.SortedFunc(slices.Values(m.sets), func(a, b repository.Set) int { return a.EndedAt.Compare(b.EndedAt) }) {
		if base.ID == "" || !s.EndedAt.After(begin) {
			base = s
		}
	}
	m.retention.Needed = map[string]string{base.ID: "begin of the window"}
	kept, err := backup.Retain(m.sets, m.retention, m.now)
	if err != nil || len(kept) == 0 {
		return nil //nolint:nilerr // it refuses to let anything go
	}
	before := m.sets
	m.sets = nil
	for _, k := range kept {
		if len(k.Reasons) > 0 {
			m.sets = append(m.sets, k.Set)
		}
	}
	m.prunes += len(before) - len(m.sets)
	if base.BeganAt.After(m.wal) {
		m.wal = base.BeganAt
	}
	if m.retention.NoWAL {
		return m.checkSets(before)
	}
	return m.checkMoments()
}

// checkSets wants every set of the window: without WAL nothing else leads there.
func (m *retentionModel) checkSets(before []repository.Set) error {
	for _, s := range before {
		inside := m.now.Sub(s.EndedAt) < m.retention.Window
		if inside && !slices.ContainsFunc(m.sets, func(k repository.Set) bool { return k.ID == s.ID }) {
			return fmt.Errorf("at %s the set of %s went", m.now, s.EndedAt)
		}
	}
	return nil
}

// checkMoments wants for every moment of the window a set that was whole before it,
// and the WAL from the begin of that set on. The hardest moments are the begin of
// the window and those just before a set.
func (m *retentionModel) checkMoments() error {
	begin := m.now.Add(-m.retention.Window)
	if begin.Before(m.first) {
		begin = m.first
	}
	moments := []time.Time{begin, m.now}
	for _, s := range m.sets {
		if at := s.EndedAt.Add(-time.Nanosecond); !at.Before(begin) {
			moments = append(moments, at)
		}
	}
	for _, at := range moments {
		reachable := slices.ContainsFunc(m.sets, func(s repository.Set) bool { return !s.EndedAt.After(at) && !s.BeganAt.Before(m.wal) })
		if !reachable {
			return fmt.Errorf("at %s the moment %s cannot be reached: WAL from %s on, %d sets", m.now, at, m.wal, len(m.sets))
		}
	}
	return nil
}
