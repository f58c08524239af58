package machinetest

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

// TestCommandsTakeTurns begins one command while another one works on the same backups
// or the same data. The second says what it waits for, and both do what they are for.
func TestCommandsTakeTurns(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	s := setUp(t, m)
	backupsStart(t, m)
	// So that a set, a restore and a drill take some seconds.
	m.Shell(t, `cd /; as() { setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups psql -qX -h /run/bugspark/postgresql -U postgres "$@"; }
		as -d postgres -c 'CREATE DATABASE ballast'; as -d ballast -c 'CREATE TABLE t AS SELECT sha512(n::text::bytea) FROM generate_series(1, 3000000) n; CHECKPOINT'`)
	turns := takingTurns{m: m, s: s}
	first := turns.load(t, "first")
	archived(t, m)
	moment := strings.Replace(strings.TrimSpace(m.Run(t, "date", "--iso-8601=ns")), ",", ".", 1)
	second := turns.load(t, "second")

	turns.both(t, "backup/lock", "bugspark backup create", "bugspark restore --yes --time "+moment, 0, "wait")
	turns.holds(t, "a restore after a set", first)
	turns.both(t, "backup/lock", "bugspark backup drill", "bugspark restore undo --yes", 0, "wait")
	turns.holds(t, "an undo after a drill", second)
	archived(t, m)
	// The other of two restores finds that the first is not confirmed.
	turns.both(t, "backup/lock", "bugspark restore --yes --time "+moment, "bugspark restore --yes --set latest", 3, "neither confirmed nor undone")
	turns.holds(t, "the first of two restores", first)
	m.Run(t, "bugspark", "restore", "undo", "--yes")
	archived(t, m)
	turns.both(t, "setup/lock", "bugspark restore --yes --set latest", "bugspark apply", 0, "wait")
	turns.holds(t, "a restore, and an apply after it", second)
	m.Run(t, "bugspark", "restore", "confirm", "--yes")
	turns.holds(t, "a restore that was confirmed", second)
	healthy(t, m)
	if r, _ := drill(t, m); !r.Passed {
		t.Errorf("the drill after all of it: %q", r.Failures)
	}
}

type takingTurns struct {
	m *machine.Machine
	s *site
}

// load sends some reports and returns all that are there now.
func (c takingTurns) load(t *testing.T, name string) map[string]bool {
	t.Helper()
	for i := range 3 {
		if _, err := c.s.report(fmt.Sprint(name, " ", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	return c.s.ids(t)
}

// both runs two commands, the second once the first has a lock open, and wants the second to
// end with a status and to say something.
func (c takingTurns) both(t *testing.T, lock, first, second string, status int, says string) {
	t.Helper()
	out := c.m.Shell(t, fmt.Sprintf(`: >/tmp/first; %s >/tmp/first 2>&1 & p=$!
		until ls -l /proc/$p/fd 2>/dev/null | grep -q '%s$' || [ ! -d /proc/$p ]; do sleep 0.02; done
		began=$([ -d /proc/$p ] && echo during || echo after)
		b=0; %s >/tmp/second 2>&1 || b=$?; a=0; wait $p || a=$?; echo "$began $a $b"; cat /tmp/first /tmp/second`, first, lock, second))
	said, _, _ := strings.Cut(out, "\n")
	if want := fmt.Sprintf("during 0 %d", status); said != want || !strings.Contains(c.m.Run(t, "cat", "/tmp/second"), says) {
		t.Errorf("%s, and meanwhile %s: %s; want %s, and the word of %q from the second", first, second, out, want, says)
	}
}

func (c takingTurns) holds(t *testing.T, when string, want map[string]bool) {
	t.Helper()
	if have := c.s.ids(t); !maps.Equal(have, want) {
		t.Errorf("%s: %d reports, want %d", when, len(have), len(want))
	}
}
