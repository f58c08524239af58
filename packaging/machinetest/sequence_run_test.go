package machinetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// sequence is one that runs, on the machine that there is at the moment.
type sequence struct {
	t       *testing.T
	world   *world
	m       *machine.Machine
	s       *site
	model   *model
	random  *rand.Rand
	targets string // the host's directory with one and two
	target  string // which of them is backup.target
	kit     string
	sent    int
}

// otherTarget is the one that is not backup.target.
func (q *sequence) otherTarget() string {
	return map[string]string{"one": "two", "two": "one"}[q.target]
}

func (q *sequence) run(s step) {
	q.t.Helper()
	switch s.kind {
	case stepLoad:
		q.load()
	case stepCreate:
		q.create(s.how == stepLoad)
	case stepTime, stepSet, stepLatest:
		q.restore(s)
	case stepUndo:
		began := time.Now()
		if _, told, status := q.try("restore", "undo", "--yes"); status != 0 {
			q.t.Fatalf("undo: status %d: %s", status, told)
		}
		q.model.undone(began, time.Now())
	case stepConfirm:
		if _, told, status := q.try("restore", "confirm", "--yes"); status != 0 {
			q.t.Fatalf("confirm: status %d: %s", status, told)
		}
		q.model.kept = nil
	case stepLost:
		q.lost(s)
	case stepPrune:
		q.prune(s.how == "short")
	case stepAway:
		q.model.away = true
		q.m.Shell(q.t, "umount -l /srv/"+q.target+"; systemctl restart bugspark-walship || true")
		q.load()
	case stepBack:
		q.m.Shell(q.t, "mount --bind /srv/disks/"+q.target+" /srv/"+q.target)
		// A restore is refused until what came meanwhile is archived.
		archivedWithin(q.t, q.m, 5*time.Minute)
		q.model.away = false
	case stepSecond:
		q.second()
	case stepOff:
		q.seeStatus()
		q.model.turnOff()
		q.configure("")
		q.load()
	case stepOn:
		q.turnOn()
	default:
		q.t.Fatalf("there is no step %s", s)
	}
}

// load sends some reports, every third with a picture, and deletes one now and then.
func (q *sequence) load() {
	q.t.Helper()
	for n := range 4 + q.random.IntN(5) {
		time.Sleep(time.Duration(q.random.IntN(300)) * time.Millisecond)
		var picture []byte
		key := ""
		if n%3 == 0 {
			picture = smallPicture(q.t, q.random.Uint64())
			key = q.s.upload(q.t, picture)
		}
		q.sent++
		began := time.Now()
		id, err := q.s.report(fmt.Sprintf("report %d", q.sent), key)
		if err != nil {
			q.t.Fatalf("a report was refused: %v", err)
		}
		q.model.note(effect{id: id, sent: began, acked: time.Now()})
		if picture != nil {
			q.model.pictures[id] = picture
		}
		if q.random.IntN(6) == 0 {
			q.remove()
		}
	}
	// So that there is a quiet time behind it.
	time.Sleep(time.Duration(q.random.IntN(2500)) * time.Millisecond)
}

func (q *sequence) remove() {
	ids := slices.Sorted(maps.Keys(q.model.now()))
	id, _ := pick(ids, q.random.IntN(100))
	began := time.Now()
	q.s.must(q.t, "DELETE", "/api/v1/reports/"+id, nil, nil)
	q.model.note(effect{id: id, gone: true, sent: began, acked: time.Now()})
}

// create saves a set, beside a load or not. It waits for others that are under way.
func (q *sequence) create(loaded bool) {
	q.t.Helper()
	done := make(chan string, 1)
	go func() {
		_, told, status := q.try("backup", "create", "--json")
		if status != 0 {
			told = fmt.Sprintf("status %d: %s", status, told)
		} else {
			told = ""
		}
		done <- told
	}()
	if loaded {
		q.load()
	}
	if told := <-done; told != "" {
		q.t.Errorf("backup create: %s", told)
	}
}

// prune lets old sets go; short keeps as little as can be configured.
func (q *sequence) prune(short bool) {
	q.t.Helper()
	args := []string{"backup", "prune"}
	if short {
		q.configure(q.target, "window_days: 1", "keep_daily: 0", "keep_weekly: 0", "keep_monthly: 0")
		args = append(args, "--now")
	}
	if _, told, status := q.try(args...); status != 0 {
		q.t.Errorf("prune: status %d: %s", status, told)
	}
	q.model.sets = nil // those that went are not missed
}

// configure writes the settings of the backups; without a target they are off.
func (q *sequence) configure(target string, more ...string) {
	q.t.Helper()
	lines := []string{`backup:`}
	if target != "" {
		lines = append(lines, "  target: /srv/"+target)
	} else {
		lines = append(lines, `  target: ""`)
	}
	for _, m := range more {
		lines = append(lines, "  "+m)
	}
	q.m.Write(q.t, "/root/backup.yaml", strings.Join(lines, "\n")+"\n")
	if out, status := q.m.Try("sh", "-euc", `awk '/^[^ #]/ { skip = ($1 == "backup:") } !skip' /etc/bugspark/bugspark.yaml >/root/rest.yaml
		cat /root/rest.yaml /root/backup.yaml >/etc/bugspark/bugspark.yaml
		timeout `+patience+` bugspark apply`); status != 0 {
		q.t.Fatalf("apply with %v: status %d: %s", lines, status, out)
	}
}

// second copies onto the second target, which is configured for it.
func (q *sequence) second() {
	q.t.Helper()
	q.configure(q.target, "copy:", "  target: /srv/"+q.otherTarget())
	q.kit = q.m.Run(q.t, "bugspark", "backup", "kit")
	q.seeSets()
	q.seeStatus()
	through, sets := q.model.through, slices.Clone(q.model.sets)
	if _, told, status := q.try("backup", "copy", "--json"); status != 0 {
		q.t.Fatalf("copy: status %d: %s", status, told)
	}
	q.model.copied, q.model.copiedSets = through, sets
}

// turnOn turns backups on again, and waits for the set that ends the hole.
func (q *sequence) turnOn() {
	q.t.Helper()
	q.model.on = time.Now()
	q.configure(q.target)
	q.model.off = false
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Second) {
		if q.seeSets(); q.known() {
			return
		}
	}
	// Where nothing was missed, no set comes by itself.
	q.create(false)
	if q.seeSets(); !q.known() {
		q.t.Errorf("backups are on again, and there is no new set")
	}
}

func (q *sequence) known() bool { return q.model.known(time.Now()) }

// restore goes back on the running machine.
func (q *sequence) restore(s step) {
	q.t.Helper()
	began := time.Now()
	args, want, ok := q.wanted(s, began)
	if !ok {
		q.t.Logf("%s: there is nothing to choose from", s)
		return
	}
	listed := s.kind == stepTime && slices.ContainsFunc(q.seeMoments(), func(m moments) bool { return m.holds(want.to) })
	args = append([]string{"restore"}, args...)
	if _, told, status := q.try(append(args, "--dry-run", "--json")...); status != 0 {
		if listed {
			q.t.Errorf("%v was refused, but restore --list has that moment: %s", args, told)
		}
		q.refused(s, args, want, "a dry run", status, told)
		return
	}
	began = time.Now()
	if _, told, status := q.try(append(args, "--yes", "--json")...); status != 0 {
		q.t.Errorf("%v: a dry run succeeded, but the restore ends with status %d: %s", args, status, told)
		return
	}
	ended := time.Now()
	q.took(want, args, began, ended)
}

// wish is what a restore must bring back.
type wish struct {
	from, to time.Time // it is the state of a moment between the two
	known    bool      // it must succeed
}

// wanted are the arguments of a restore, and what it must bring back.
func (q *sequence) wanted(s step, now time.Time) (args []string, w wish, ok bool) {
	kind := s.kind
	if kind == stepLost {
		kind = s.how
	}
	switch kind {
	case stepTime:
		moment, ok := pick(q.model.moments(now), s.at)
		moment = moment.Truncate(time.Microsecond)
		return []string{"--time", stamp(moment)}, wish{moment, moment, q.model.known(moment)}, ok
	case stepSet:
		q.seeSetsOf(s)
		set, ok := pick(q.model.sets, s.at)
		return []string{"--set", set.id}, wish{set.began, set.done, true}, ok
	}
	return []string{"--set", "latest"}, wish{now, now, q.known()}, true
}

// seeSetsOf lists the sets once more, where there is a machine to list them.
func (q *sequence) seeSetsOf(s step) {
	if s.kind != stepLost {
		q.seeSets()
	}
}

// refused is a restore that was refused, which only the unknown may be.
func (q *sequence) refused(s step, args []string, w wish, what string, status int, told string) {
	q.t.Helper()
	if w.known {
		q.t.Errorf("%s: %s (%v) was refused, but the state of %s is known: status %d: %s", s, what, args, stamp(w.to), status, told)
		return
	}
	q.t.Logf("%s was refused, as it may: %s", s, told)
}

// took compares what a restore brought back, and goes on from it.
func (q *sequence) took(w wish, args []string, began, ended time.Time) {
	q.t.Helper()
	have := q.reports()
	if d := q.model.between(have, w.from, w.to); !d.none() {
		q.t.Fatalf("%v: expected the state of %s to %s, %d reports; found %d: %v\n  lost %v\n  resurrected %v",
			args, stamp(w.from), stamp(w.to), d.want, len(have), d, d.lost, d.resurrected)
	}
	q.model.restored(have, began, ended)
}

// lost destroys the machine and restores another one from the kit and a target.
func (q *sequence) lost(s step) {
	q.t.Helper()
	if !q.model.away && !q.model.off {
		q.seeStatus()
	}
	died := time.Now()
	q.m.Kill(q.t)
	promised := q.model.destroyed(died, s.copy)
	args := []string{"restore", "--kit", "/root/kit.txt", "--yes"}
	gone := q.otherTarget()
	if s.copy {
		args = append(args, "--copy")
		gone, q.target = q.target, gone
	}
	// What is not restored from goes with the machine.
	if err := os.RemoveAll(filepath.Join(q.targets, gone)); err != nil {
		q.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(q.targets, gone), 0o755); err != nil {
		q.t.Fatal(err)
	}
	q.m = q.world.boot(q.t, q.world.blank, q.targets)
	q.m.Write(q.t, "/root/kit.txt", q.kit)
	q.renew(s, args, promised, died)
	q.s.move(q.t, q.m)
	q.kit = q.m.Run(q.t, "bugspark", "backup", "kit")
}

// renew restores on the new machine. Where what was asked for is refused, it goes on
// with the newest state.
func (q *sequence) renew(s step, args []string, promised, died time.Time) {
	q.t.Helper()
	latest := wish{promised, died, true}
	more, want := []string{"--set", "latest"}, latest
	if s.how != stepLatest {
		if args, w, ok := q.wanted(s, died); ok {
			more, want = args, w
		}
	}
	all := append(slices.Clone(args), more...)
	if _, told, status := q.try(append(all, "--dry-run", "--json")...); status != 0 {
		q.refused(s, all, want, "a dry run", status, told)
		if more[1] == "latest" {
			q.t.FailNow()
		}
		all, want = append(slices.Clone(args), "--set", "latest"), latest
	}
	if _, told, status := q.try(append(all, "--json")...); status != 0 {
		q.t.Fatalf("%v: the restore on a new machine ends with status %d: %s", all, status, told)
	}
	q.s.move(q.t, q.m)
	q.took(want, all, died, time.Now())
	q.model.kept = nil // nothing was put aside
}
