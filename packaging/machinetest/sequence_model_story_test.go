package machinetest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTheModelOfSequences tells the model a story and asks what it expects.
func TestTheModelOfSequences(t *testing.T) {
	zero := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }
	set := func(ids ...string) map[string]bool {
		out := map[string]bool{}
		for _, id := range ids {
			out[id] = true
		}
		return out
	}
	m := newModel(set("seed"), nil, zero)
	m.see([]listed{{"first", at(-9), at(-8)}})
	m.note(effect{"a", false, at(1), at(2)})
	m.note(effect{"b", false, at(3), at(4)})
	m.note(effect{"seed", true, at(5), at(6)})
	m.through = at(6)
	live := m.live()
	for _, c := range []struct {
		moment            float64
		have              map[string]bool
		lost, resurrected int
	}{
		{0.5, set("seed"), 0, 0},
		{1.5, set("seed"), 0, 0},
		{1.5, set("seed", "a"), 0, 0}, // under way
		{2.5, set("seed", "a"), 0, 0},
		{2.5, set("seed"), 1, 0},
		{2.5, set("seed", "a", "b"), 0, 1},
		{5.5, set("a", "b"), 0, 0},
		{6.5, set("a", "b", "seed"), 0, 1},
		{6.5, set("a", "b", "else"), 0, 1},
	} {
		d := live.match(c.have, at(c.moment), at(c.moment))
		if len(d.lost) != c.lost || len(d.resurrected) != c.resurrected {
			t.Errorf("at %.1f, %v: lost %v, resurrected %v", c.moment, c.have, d.lost, d.resurrected)
		}
	}
	// Between two moments it must be the state of one of them.
	if d := live.match(set("seed", "a"), at(0), at(7)); !d.none() {
		t.Errorf("the state between two requests: %v", d)
	}
	if d := live.match(set("seed", "b"), at(0), at(7)); d.none() {
		t.Error("the later report without the earlier one was at no moment")
	}

	// Back to before b, one report more, and undone.
	m.restored(set("seed", "a"), at(10), at(12))
	m.note(effect{"c", false, at(13), at(14)})
	if s := m.stretchAt(at(11)); s != nil {
		t.Errorf("while databases are exchanged none is live: %+v", s)
	}
	if m.known(at(11)) || !m.known(at(9)) || !m.known(at(13)) || m.known(at(-8.5)) {
		t.Error("what is known after a restore")
	}
	m.undone(at(20), at(21))
	if d := m.live().match(set("a", "b"), at(22), at(22)); !d.none() {
		t.Errorf("after undoing: %v", d)
	}
	if d := m.stretchAt(at(15)).match(set("seed", "a", "c"), at(15), at(15)); !d.none() {
		t.Errorf("a moment that was abandoned: %v", d)
	}

	// The machine goes with what was not archived.
	m.through = at(23)
	m.note(effect{"d", false, at(22), at(22.5)})
	m.note(effect{"e", false, at(24), at(25)})
	if promised := m.destroyed(at(30), false); !promised.Equal(at(23)) {
		t.Errorf("promised through %s", promised)
	}
	for _, c := range []struct {
		have map[string]bool
		good bool
	}{{set("a", "b", "d"), true}, {set("a", "b", "d", "e"), true}, {set("a", "b"), false}, {set("seed", "a", "c"), false}} {
		if d := m.between(c.have, at(23), at(30)); d.none() != c.good {
			t.Errorf("%v on the new machine: %v", c.have, d)
		}
	}
	if m.known(at(24)) || !m.known(at(22)) {
		t.Error("what is known of the lost machine")
	}
	m.begin(set("a", "b", "d"), at(30), at(40))

	// Backups are off for a while.
	m.note(effect{"f", false, at(40.2), at(40.6)})
	m.through = at(41)
	m.turnOff()
	m.see([]listed{{"first", at(-9), at(-8)}, {"while it was turned off", at(41.5), at(42)}})
	m.off, m.on = false, at(50)
	if m.known(at(51)) {
		t.Error("known before a set has closed the hole")
	}
	m.see([]listed{{"first", at(-9), at(-8)}, {"closes it", at(52), at(55)}})
	if m.known(at(54)) || !m.known(at(56)) || !m.known(at(40.5)) || m.known(at(40.8)) {
		t.Error("the hole is not where it should be")
	}
	for _, moment := range m.moments(at(60)) {
		if !m.known(moment) {
			t.Errorf("%s is not known", moment)
		}
	}
}

// TestPlansOfSequences: a plan is the same for the same seed, and its text is read
// back.
func TestPlansOfSequences(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		plan := draw(rand.New(rand.NewPCG(seed, 0)), 8)
		if !slices.Equal(plan, draw(rand.New(rand.NewPCG(seed, 0)), 8)) {
			t.Fatalf("seed %d has two plans", seed)
		}
		again, err := parsePlan(planText(plan))
		if err != nil || planText(again) != planText(plan) {
			t.Errorf("%s is read as %s (%v)", planText(plan), planText(again), err)
		}
		for _, s := range plan {
			seen[s.kind] = true
		}
	}
	if len(seen) != 14 {
		t.Errorf("of 14 kinds of steps only %v were drawn", seen)
	}
	if _, err := parsePlan("load nothing:else:"); err == nil {
		t.Error("nonsense was read")
	}
}
