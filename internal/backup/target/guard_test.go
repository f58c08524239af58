package target_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// A machine that has lost its target in the middle of a job stops at the next step that
// counts, and writes nothing more.
func TestAJobStopsOnceItsTargetIsTakenOver(t *testing.T) {
	for _, c := range []struct {
		step string
		do   func(g *target.Guarded) error
	}{
		{"a deletion", func(g *target.Guarded) error { return g.Delete(t.Context(), "archive/wal/7/1") }},
		{"what makes a set reachable", func(g *target.Guarded) error {
			return g.Put(t.Context(), "sets/x/n0/1.f", strings.NewReader("index"), time.Time{})
		}},
	} {
		a := newMachine(t, t.TempDir(), "a")
		b := newMachine(t, a.Store.String(), "b")
		if err := a.Claim(t.Context()); err != nil {
			t.Fatal(err)
		}
		g := a.Guard(a.Store)
		put(t, g, "sets/p/a/1.f", "pack", time.Time{})
		put(t, g, "archive/wal/7/1", "wal", time.Time{})
		if err := b.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		put(t, g, "sets/p/a/2.f", "pack", time.Time{}) // does no harm, and is looked at each minute
		if g.Lost() != nil {
			t.Errorf("%s: %v", c.step, g.Lost())
		}
		if err := c.do(g); !errors.Is(err, target.ErrOwnedElsewhere) || !strings.Contains(err.Error(), "is that of b since") {
			t.Errorf("%s: %v", c.step, err)
		}
		if err := g.Put(t.Context(), "sets/p/a/3.f", strings.NewReader("pack"), time.Time{}); !errors.Is(err, target.ErrOwnedElsewhere) {
			t.Errorf("after %s: %v", c.step, err)
		}
		if !errors.Is(g.Lost(), target.ErrOwnedElsewhere) {
			t.Errorf("after %s the cause is not known: %v", c.step, g.Lost())
		}
		if _, err := a.Stat(t.Context(), "archive/wal/7/1"); err != nil {
			t.Errorf("%s was made: %v", c.step, err)
		}
		if files, err := a.Walk(t.Context(), "sets"); err != nil || len(files) != 2 {
			t.Errorf("%s was made: %v %v", c.step, files, err)
		}
	}
}

func TestAJobLooksEveryMinuteWhetherItHasItsTarget(t *testing.T) {
	a := newMachine(t, t.TempDir(), "a")
	b := newMachine(t, a.Store.String(), "b")
	if err := a.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := a.Guard(a.Store)
	if err := b.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.now = a.now.Add(time.Minute)
	if err := g.Put(t.Context(), "archive/wal/7/1", strings.NewReader("wal"), time.Time{}); !errors.Is(err, target.ErrOwnedElsewhere) {
		t.Errorf("%v", err)
	}
}
