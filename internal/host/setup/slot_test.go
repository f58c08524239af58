package setup_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// TestTurnedOffBackupsKeepNoWAL applies one configuration after another.
func TestTurnedOffBackupsKeepNoWAL(t *testing.T) {
	target := targettest.Directory(t)
	const name, external = "server:\n  name: bugs.test\n", "database:\n  mode: external\n"
	on := "backup:\n  target: " + target + "\n"
	for rule, c := range map[string]struct {
		before, after string
		dropped       []string
	}{
		"ours, turned off":                   {name + on, name, []string{"managed"}},
		"ours, left on":                      {name + on, name + on, nil},
		"ours, never on":                     {name, name, nil},
		"ours, which is stopped":             {name + on, name + external + on, nil},
		"a customer's, turned off":           {name + external + on + "  stream: true\n", name + external, []string{"external"}},
		"a customer's, logical copies again": {name + external + on + "  stream: true\n", name + external + on, []string{"external"}},
		"a customer's, then ours":            {name + external + on + "  stream: true\n", name, []string{"external"}},
	} {
		m, s := newManager(), site(t, c.before)
		var dropped []string
		apply := func(s *setup.Site) {
			t.Helper()
			s.Claim = func(context.Context, string) error { return nil }
			s.Names = func(context.Context, string) ([]string, error) { return nil, nil }
			s.DropSlot = func(_ context.Context, mode string) error { dropped = append(dropped, mode); return nil }
			if _, err := converger(s, m).Apply(t.Context()); err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
		}
		apply(s)
		s = reload(t, s.Dirs, c.after)
		apply(s)
		apply(s)
		if !slices.Equal(dropped, c.dropped) {
			t.Errorf("%s: dropped %q instead of %q", rule, dropped, c.dropped)
		}
	}
}

func TestApplyFollowsTheSizeOfTheDisk(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	stale, asking := false, error(nil)
	s.SlotBoundStale = func(context.Context) (bool, error) { return stale, asking }
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stale  bool
		asking error
		made   int
	}{{false, nil, 0}, {true, nil, 1}, {false, errors.New("no answer"), 0}} {
		stale, asking = c.stale, c.asking
		made, err := converger(s, m).Apply(t.Context())
		if err != nil || len(made) != c.made {
			t.Errorf("%+v: %v, %v", c, made, err)
		}
	}
	if last := m.calls[len(m.calls)-1]; last != "reload bugspark-postgres.service" {
		t.Errorf("the last call was: %s", last)
	}
}
