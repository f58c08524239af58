package exchange_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/durable/durabletest"
)

// model is what an installation must hold: the data in place, and that from before
// an exchange that waits.
type model struct {
	live, kept string
	pending    bool
}

// play is one random sequence on one installation.
type play struct {
	*stack
	random  *rand.Rand
	disk    *durabletest.Disk // nil: the power stays on
	m       model
	copies  int
	reports int
	history []string
	between bool // the database was stopped, and is not started yet
}

// TestExchangeModelSequences plays random sequences of exchanges, ways back, kills,
// power cuts and requests against a model that knows what every one must leave.
func TestExchangeModelSequences(t *testing.T) {
	seed, until := time.Now().UnixNano(), time.Now().Add(2*time.Second)
	if text := os.Getenv("BUGSPARK_SOAK"); text != "" {
		soak, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		until = time.Now().Add(soak)
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	var disk *durabletest.Disk
	if os.Geteuid() == 0 {
		disk = durabletest.NewDisk(t, "16M")
	}
	sequences, steps, kills, cuts := 0, 0, 0, 0
	for sequences < 20 || time.Now().Before(until) {
		p := newPlay(t, random, disk, sequences)
		for range 4 + random.IntN(12) {
			steps++
			k, c := p.play()
			kills, cuts = kills+k, cuts+c
			if t.Failed() {
				t.Fatalf("after\n%s", strings.Join(p.history, "\n"))
			}
		}
		p.crash()
		sequences++
	}
	t.Logf("%d sequences of %d steps, %d kills, %d power cuts", sequences, steps, kills, cuts)
}

func newPlay(t *testing.T, random *rand.Rand, disk *durabletest.Disk, n int) *play {
	p := &play{random: random}
	dir := t.TempDir()
	if disk != nil && n%4 == 0 {
		p.disk, dir = disk, filepath.Join(disk.Dir, fmt.Sprint(n))
	}
	p.stack = &stack{services: newServices(t, dir)}
	p.m.live = "old"
	p.write(filepath.Join(p.dir, "data"), p.m.live)
	if p.disk != nil {
		p.disk.Sync(t)
	}
	p.apply()
	return p
}

// play makes one random step and proves what it left.
func (p *play) play() (killed, cut int) {
	before := p.m
	verbs := []string{"swap", "unhealthy swap", "undo", "confirm", "request", "apply"}
	switch {
	case p.random.IntN(4) == 0: // also what has nothing to do
	case before.pending:
		verbs = []string{"undo", "confirm", "request"}
	default:
		verbs = []string{"swap", "swap", "unhealthy swap", "request"}
	}
	verb := verbs[p.random.IntN(len(verbs))]
	p.step, p.killAt, p.between = 0, 0, false
	if p.random.IntN(2) == 0 {
		p.killAt = 1 + p.random.IntN(20)
	}
	visit := p.random.IntN(3) == 0
	p.meet = func() {
		p.between = !p.active["database"]
		if visit {
			p.visit()
		}
	}
	p.history = append(p.history, fmt.Sprintf("%s, killed at step %d, visited %v; model %+v", verb, p.killAt, visit, before))
	var err error
	done := false
	p.broken = verb == "unhealthy swap"
	died, _ := dies(func() error {
		err = p.do(verb)
		done = true
		return nil
	})
	p.meet, p.killAt = nil, 0
	if died {
		killed = 1
		if p.disk != nil && p.random.IntN(2) == 0 {
			cut = 1
			p.crash()
			p.disk.Cut(p.t, p.random.IntN(2) == 0)
			p.disk.Restart(p.t)
		}
	}
	p.broken = false
	p.judge(verb, done, err)
	// What an interruption has left down, apply brings up.
	p.apply()
	if p.visit(); !p.up() {
		p.t.Errorf("after apply there run %v", p.active)
	}
	p.look()
	return killed, cut
}

func (p *play) do(verb string) error {
	e := p.exchanger()
	switch verb {
	case "swap", "unhealthy swap":
		if err := e.Ready(); err != nil {
			return err
		}
		if err := e.Clear(); err != nil {
			return err
		}
		p.copies++
		copied := filepath.Join(e.Next(), "database")
		p.write(copied, p.copy())
		if p.disk != nil {
			p.disk.Sync(p.t)
		}
		return e.Swap(p.t.Context(), copied, p.copy())
	case "undo":
		return e.Undo(p.t.Context())
	case "confirm":
		return e.Confirm()
	case "request":
		p.visit()
	case "apply":
		p.apply()
	}
	return nil
}

func (p *play) copy() string { return fmt.Sprintf("copy%d", p.copies) }

// visit sends a report, which must be stored where it counts or be refused, and
// refused while the data is exchanged.
func (p *play) visit() {
	p.reports++
	report := fmt.Sprintf("r%d", p.reports)
	ran := p.active["database"]
	switch answer := p.request(report); {
	case answer == waits, answer == stored && !ran && p.step > 0 && p.between:
		p.t.Errorf("at step %d a request got the answer %q and started what was stopped", p.step, answer)
	case answer == stored:
		p.stored(report)
	}
}

// stored notes an acknowledged report where the data in place begins.
func (p *play) stored(report string) {
	live := p.inPlace()
	if !strings.HasSuffix(live, " "+report) {
		p.t.Errorf("report %s was acknowledged, and in place is %q", report, live)
	}
	if first(live) == first(p.m.live) {
		p.m.live += " " + report
	} else if p.m.pending && first(live) == first(p.m.kept) {
		p.m.kept += " " + report
	}
	// Otherwise it is in a copy that is not known yet: judge reads it.
}

func first(content string) string {
	name, _, _ := strings.Cut(content, " ")
	return name
}

// inPlace is what is live. Copies and the first data have a name of their own.
func (p *play) inPlace() string { return read(p.t, filepath.Join(p.dir, "data")) }

// judge moves the model on: by what a step has promised, or where it was killed, by
// what it was allowed to leave.
func (p *play) judge(verb string, done bool, err error) {
	p.t.Helper()
	was := p.m
	live := p.inPlace()
	_, pending, pendingErr := p.exchanger().Pending()
	if pendingErr != nil {
		p.t.Fatal(pendingErr)
	}
	exchanged := model{live: live, kept: was.live, pending: true}
	switch {
	case verb == "request" || verb == "apply":
	case was.pending == (verb == "swap" || verb == "unhealthy swap"):
		if done && err == nil {
			p.t.Errorf("%s has nothing to do, and says nothing", verb)
		}
	case verb == "swap" && done:
		if p.m = exchanged; err != nil || first(live) != p.copy() {
			p.t.Errorf("%s left %q: %v", verb, live, err)
		}
	case verb == "unhealthy swap" && done:
		if err == nil {
			p.t.Error("an unhealthy swap said nothing")
		}
	case verb == "swap" || verb == "unhealthy swap":
		if pending {
			if p.m = exchanged; first(live) != p.copy() {
				p.t.Errorf("it waits, and in place is %q", live)
			}
		}
	case verb == "undo" && (done || !pending):
		p.m = model{live: was.kept}
		if done && err != nil {
			p.t.Error(err)
		}
	case verb == "confirm" && (done || !pending):
		p.m = model{live: was.live}
		if done && err != nil {
			p.t.Error(err)
		}
	}
	if pending != p.m.pending {
		p.t.Errorf("pending %v, and the model says %+v", pending, p.m)
	}
}

// look compares everything with the model.
func (p *play) look() {
	p.t.Helper()
	if live := p.inPlace(); live != p.m.live {
		p.t.Errorf("in place is %q, and should be %q", live, p.m.live)
	}
	if !p.m.pending {
		return
	}
	if kept := read(p.t, filepath.Join(p.dir, "before-restore")); kept != p.m.kept {
		p.t.Errorf("kept is %q, and should be %q", kept, p.m.kept)
	}
}
