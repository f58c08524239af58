package machinetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

// howMany is how often TestKilledCommandsLoseNothing kills; BUGSPARK_KILLS says it.
func howMany(t *testing.T) int {
	text := os.Getenv("BUGSPARK_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilledCommandsLoseNothing kills backup, prune and restore after a part of
// their work that nobody chose. Afterwards the repository is intact, and the data in
// place is that from before the restore or that from after it.
func TestKilledCommandsLoseNothing(t *testing.T) {
	t.Parallel()
	kills := howMany(t)
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
	// The archive has to be past the moment before anything else is written.
	archived(t, m)
	for range 5 {
		if _, err := s.report("after the moment", ""); err != nil {
			t.Fatal(err)
		}
	}
	after := s.ids(t)
	archived(t, m)
	k := killer{m: m, s: s, moment: moment, before: before, after: after, work: map[string]int{}}
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
	if ended > kills/3 {
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
	work          map[string]int // of a command that was left alone, see run
	at            []string       // how far the killed restores were
	sets          []string
	outcomes      [2]int // of restores: the old data in place, the new
}

// kill runs a command and kills it after a part of its work; it tells whether the
// command had ended before.
func (k *killer) kill(t *testing.T, command string) (ended bool) {
	t.Helper()
	if k.work[command] == 0 {
		if k.work[command], ended = k.run(t, command, 0); !ended || k.work[command] == 0 {
			t.Fatalf("%s, left alone, did %d and ended: %v", command, k.work[command], ended)
		}
		k.settle(t)
	}
	k.sets = k.list(t)
	limit := k.work[command]
	if !isRestore(command) {
		limit = limit * 9 / 10 // how much it writes is not always the same
	}
	at := 1 + rand.N(limit)
	_, ended = k.run(t, command, at)
	if isRestore(command) {
		said := strings.Split(strings.TrimSpace(k.m.Shell(t, "cat /tmp/steps")), "\n")
		k.at = append(k.at, fmt.Sprintf("step %d of %d: %s", at, limit, strings.TrimSpace(said[len(said)-1])))
	}
	return ended
}

func isRestore(command string) bool { return strings.Contains(command, "restore") }

// run runs a command and kills it as soon as it has done an amount of work; 0 leaves
// it alone. The work of a restore are the steps it tells of, of which the last ones
// count most and take the least time. That of others is what they have read and
// written, in bytes.
func (k *killer) run(t *testing.T, command string, at int) (work int, ended bool) {
	t.Helper()
	script := `%[1]s >/tmp/out 2>&1 & p=$!; work=0
		while [ -d /proc/$p ] && done=$(awk '/^[rw]char/ {n += $2} END {print n}' /proc/$p/io 2>/dev/null) && [ -n "$done" ]; do
			work=$done; if [ %[2]d != 0 ] && [ $work -ge %[2]d ]; then kill -9 $p || true; break; fi
		done`
	if isRestore(command) {
		script = `rm -f /tmp/told; mkfifo /tmp/told; : >/tmp/steps; %[1]s >/tmp/out 2>/tmp/told & p=$!; work=0
			while IFS= read -r line; do
				echo "$line" >>/tmp/steps; work=$((work + 1)); if [ $work = %[2]d ]; then kill -9 $p || true; fi
			done </tmp/told`
	}
	out := k.m.Shell(t, fmt.Sprintf(script+`
		status=0; wait $p || status=$?; echo "did $work $status"`, command, at))
	status := 0
	did := strings.LastIndex(out, "did ")
	if _, err := fmt.Sscanf(out[max(did, 0):], "did %d %d", &work, &status); err != nil {
		t.Fatalf("%s: %v in %s", command, err, out)
	}
	if at == 0 && status != 0 {
		t.Fatalf("%s: status %d: %s", command, status, k.m.Shell(t, "cat /tmp/out /tmp/steps"))
	}
	return work, status != 137
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
	if !isRestore(command) {
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
