package machinetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lostAfterUndo goes back to a set twice, with an undo in between, and then loses
// the machine: what the server wrote last must come back, and nothing else.
const lostAfterUndo = "load create load create set:0 undo set:50 confirm load lost:latest"

// shortSeed is the seed of the sequence that is run without BUGSPARK_SOAK.
const shortSeed = 46

// TestRandomSequencesOfRestores goes back and forth in time on an installed machine,
// in sequences of steps that nobody planned, and compares after every step with a
// model that knows what was acknowledged when.
//
// BUGSPARK_SOAK is how long it goes on, BUGSPARK_SEED the one seed to run again, and
// BUGSPARK_STEPS a plan to run as it stands, or several with commas between
// them, which come before the others.
func TestRandomSequencesOfRestores(t *testing.T) {
	t.Parallel()
	steps, seed, soak := os.Getenv("BUGSPARK_STEPS"), os.Getenv("BUGSPARK_SEED"), os.Getenv("BUGSPARK_SOAK")
	w := newWorld(t, "trixie")
	for text := range strings.FieldsFuncSeq(steps, func(r rune) bool { return r == ',' }) {
		plan, err := parsePlan(text)
		if err != nil {
			t.Fatal(err)
		}
		runSequence(t, w, "the given steps", 0, plan)
	}
	switch {
	case seed != "":
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		runSeed(t, w, n)
	case soak != "":
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		soakSequences(t, w, time.Now().Add(d))
	case steps == "":
		plan, err := parsePlan(lostAfterUndo)
		if err != nil {
			t.Fatal(err)
		}
		runSequence(t, w, "a machine lost after an undo", 0, plan)
		runSeed(t, w, shortSeed)
	}
}

// soakSequences runs one seed after the other until five have failed.
func soakSequences(t *testing.T, w *world, end time.Time) {
	ran, failed, began := 0, 0, time.Now()
	for seed := uint64(time.Now().Unix()) * 1000; time.Now().Before(end) && failed < 5; seed++ {
		ran++
		if !runSeed(t, w, seed) {
			failed++
		}
	}
	t.Logf("%d sequences in %.0f s, %d failed", ran, time.Since(began).Seconds(), failed)
}

func runSeed(t *testing.T, w *world, seed uint64) bool {
	r := rand.New(rand.NewPCG(seed, 0))
	return runSequence(t, w, fmt.Sprintf("seed %d", seed), seed, draw(r, 3+r.IntN(6)))
}

func runSequence(t *testing.T, w *world, name string, seed uint64, plan []step) bool {
	return t.Run(name, func(t *testing.T) {
		t.Logf("BUGSPARK_SEED=%d\nBUGSPARK_STEPS='%s'", seed, planText(plan))
		q := w.begin(t)
		q.random = rand.New(rand.NewPCG(seed, 1))
		defer func() {
			if t.Failed() {
				t.Logf("what the model knows:\n%s", q.model.describe())
			}
		}()
		q.model = newModel(q.reports(), w.pictures, time.Now())
		q.seeSets()
		q.seeStatus()
		q.model.live().from = q.model.first.Add(-time.Minute) // nothing has changed since before the first set
		for i, s := range plan {
			began := time.Now()
			q.run(s)
			ran := time.Since(began)
			q.verify("after " + s.String())
			q.look()
			t.Logf("step %d, %s: %.1f s and %.1f s of checks; %d reports%s", i+1, s, ran.Seconds(), (time.Since(began) - ran).Seconds(), len(q.model.now()), map[bool]string{true: "; FAILED"}[t.Failed()])
		}
	})
}
