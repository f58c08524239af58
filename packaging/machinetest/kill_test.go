package machinetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// kills is how often TestKilledCommandsLoseNothing kills.
const kills = 50

// TestKilledCommandsLoseNothing kills backup, prune and restore at moments that
// nobody chose. Afterwards the repository is intact, and the data in place is
// that from before the restore or that from after it.
func TestKilledCommandsLoseNothing(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	s := setUp(t, m)
	backupsStart(t, m)
	// Few sets stay, so that prune has something to do each time.
	m.Shell(t, `printf '  keep_daily: 0\n  keep_weekly: 0\n  keep_monthly: 0\n' >>/etc/bugspark/bugspark.yaml; bugspark apply`)
	for i := range 200 {
		if _, err := s.report(fmt.Sprintf("report %d", i), s.upload(t, testPicture(t))); err != nil {
			t.Fatal(err)
		}
	}
	m.Run(t, "bugspark", "backup", "create")
	before := s.ids(t)
	archived(t, m)
	moment := strings.Replace(strings.TrimSpace(m.Run(t, "date", "--iso-8601=ns")), ",", ".", 1)
	time.Sleep(time.Second)
	for range 5 {
		if _, err := s.report("after the moment", ""); err != nil {
			t.Fatal(err)
		}
	}
	after := s.ids(t)
	archived(t, m)
	k := killer{m: m, s: s, moment: moment, before: before, after: after, took: map[string]time.Duration{}}
	commands := []string{"bugspark backup create", "bugspark restore --yes --time " + moment, "bugspark backup prune", "bugspark restore --yes --time " + moment, "bugspark backup prune --now"}
	ended := 0
	for i := range kills {
		command := commands[(i/2)%len(commands)]
		if k.kill(t, command) {
			ended++
		}
		if k.check(t, command); t.Failed() {
			t.Fatalf("after kill %d: %s", i+1, command)
		}
		if i%10 == 9 {
			if out, status := m.Try("bugspark", "backup", "verify"); status != 0 {
				t.Fatalf("after kill %d the repository is damaged:\n%s", i+1, out)
			}
		}
	}
	t.Logf("%d kills, %d of them after the command had ended; restores that left the old data, and the new: %v; they were killed after\n%s", kills, ended, k.outcomes, strings.Join(k.at, "\n"))
	if ended > kills/2 {
		t.Errorf("%d of %d kills came too late to hurt", ended, kills)
	}
	healthy(t, m)
	if r, _ := drill(t, m); !r.Passed {
		t.Errorf("drill after all of it: %+v", r.Failures)
	}
}

type killer struct {
	m             *machine.Machine
	s             *site
	moment        string
	before, after map[string]bool
	took          map[string]time.Duration // by a command that was left alone
	late          bool
	at            []string // how far the killed restores were
	sets          []string
	outcomes      [2]int // of restores: the old data in place, the new
}

// kill runs a command and kills it at a random moment of its life; it tells
// whether the command had ended before.
func (k *killer) kill(t *testing.T, command string) (ended bool) {
	t.Helper()
	if k.took[command] == 0 {
		began := time.Now()
		k.m.Shell(t, command)
		k.took[command] = time.Since(began)
		k.settle(t)
	}
	k.sets = k.list(t)
	after := rand.N(k.took[command])
	if k.late = !k.late; k.late {
		// What a restore does last, it does in little time, and not always at the same.
		after = k.took[command]*9/10 + after*2/5
	}
	out := k.m.Shell(t, fmt.Sprintf(`%s >/tmp/out 2>&1 & p=$!; sleep %.3f; kill -9 $p || true; wait $p || echo status $?`, command, after.Seconds()))
	if strings.Contains(command, "restore") {
		said := strings.Split(strings.TrimSpace(k.m.Shell(t, "cat /tmp/out")), "\n")
		k.at = append(k.at, fmt.Sprintf("%.1f s: %s", after.Seconds(), strings.TrimSpace(said[len(said)-1])))
	}
	return !strings.Contains(out, "status 137")
}

func (k *killer) list(t *testing.T) []string {
	t.Helper()
	var sets []struct{ ID string }
	if err := json.Unmarshal([]byte(k.m.Run(t, "bugspark", "backup", "list", "--json")), &sets); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range sets {
		ids = append(ids, s.ID)
	}
	return ids
}

// settle takes a restore back, if one is in place.
func (k *killer) settle(t *testing.T) {
	t.Helper()
	out, status := k.m.Try("bugspark", "restore", "undo", "--yes")
	if status != 0 && !strings.Contains(out, "no restore waits") {
		t.Fatalf("undoing: %s", out)
	}
	if have := k.s.ids(t); !maps.Equal(have, k.after) {
		t.Fatalf("after undoing there are %d reports instead of %d", len(have), len(k.after))
	}
}

func (k *killer) check(t *testing.T, command string) {
	t.Helper()
	have := strings.Join(k.list(t), " ")
	for i, id := range k.sets {
		if !strings.Contains(have, id) && !(strings.Contains(command, "prune") && i >= 3) {
			t.Errorf("set %s is gone", id)
		}
	}
	if !strings.Contains(command, "restore") {
		return
	}
	// What a restore had stopped is started by what puts everything right.
	k.m.Run(t, "bugspark", "apply")
	healthy(t, k.m)
	switch now := k.s.ids(t); {
	case maps.Equal(now, k.after):
		k.outcomes[0]++
	case maps.Equal(now, k.before):
		k.outcomes[1]++
	default:
		t.Errorf("%d reports are neither the %d from before nor the %d from after the restore", len(now), len(k.after), len(k.before))
	}
	k.settle(t)
}
