package history_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

func bell(d config.Dirs) string { return history.File(d, "set-wanted") }

// rings tells whether a set is asked for again at a moment.
func rings(t *testing.T, d config.Dirs, now time.Time) bool {
	t.Helper()
	before, _ := os.Stat(bell(d))
	if err := history.RepeatRequest(d, now); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(bell(d))
	return err == nil && (before == nil || !os.SameFile(before, after))
}

func begin(t *testing.T, d config.Dirs) (answers string) {
	t.Helper()
	id, err := history.Requested(d)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func request(t *testing.T, d config.Dirs) {
	t.Helper()
	if err := history.RequestSet(d, "why"); err != nil {
		t.Fatal(err)
	}
}

func save(t *testing.T, d config.Dirs, answers string) {
	t.Helper()
	if err := history.Saved(d, history.SavedSet{ID: "s", Answers: answers}, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestASetOfManyHoursAnswersItsRequest is asked for again every ten minutes while it
// is taken, which does nothing to a service that runs, and not any more afterwards.
func TestASetOfManyHoursAnswersItsRequest(t *testing.T) {
	d, now := newDirs(t), time.Now()
	request(t, d)
	id := begin(t, d)
	for range 20 {
		now = now.Add(11 * time.Minute)
		if !rings(t, d, now) {
			t.Fatal("a set that does not come is not asked for again")
		}
		if err := os.Chtimes(bell(d), now, now); err != nil { // the clock of the files does not run ahead
			t.Fatal(err)
		}
	}
	save(t, d, id)
	if rings(t, d, now.Add(time.Hour)) {
		t.Error("it is asked for again")
	}
}

func TestARequestIsRepeatedAfterTenMinutes(t *testing.T) {
	d := newDirs(t)
	if rings(t, d, time.Now()) {
		t.Fatal("a set was requested that nobody wanted")
	}
	request(t, d)
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		after    time.Duration
		repeated bool
	}{{10*time.Minute - time.Second, false}, {10 * time.Minute, true}} {
		if err := os.Chtimes(bell(d), long, long); err != nil {
			t.Fatal(err)
		}
		if rings(t, d, long.Add(c.after)) != c.repeated {
			t.Errorf("after %s: repeated %v", c.after, !c.repeated)
		}
	}
	if data, err := os.ReadFile(bell(d)); err != nil || string(data) != "why\n" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestRequestModel has requests, sets and crashes in random order. A set is wanted as
// long as none was saved that began after the last request.
func TestRequestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	limit := 2 * time.Second
	if text := os.Getenv("BUGSPARK_SOAK"); text != "" {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(limit); time.Now().Before(end); {
		d := newDirs(t)
		wanted, running, fresh, id := false, false, false, ""
		var steps []string
		for range 12 {
			step := []string{"request", "request, crash before the bell", "begin", "save", "crash of a set"}[random.IntN(5)]
			switch {
			case step == "request" || step == "request, crash before the bell":
				request(t, d)
				wanted, fresh = true, false
				if step != "request" {
					if err := os.Remove(bell(d)); err != nil {
						t.Fatal(err)
					}
				}
			case step == "begin" && !running:
				running, fresh, id = true, true, begin(t, d)
			case step == "save" && running:
				save(t, d, id)
				running, wanted = false, wanted && !fresh
			case step == "crash of a set" && running:
				running = false
			default:
				continue
			}
			steps = append(steps, step)
			if got := rings(t, d, time.Now().Add(time.Hour)); got != wanted {
				t.Fatalf("seed %d: after %q a set is wanted: %v, asked for: %v", seed, steps, wanted, got)
			}
		}
	}
}

// A set is asked for while another one is taken, which began before: the service runs, so
// that nobody hears the bell.
func TestARequestDuringASetIsRepeatedOnceItIsOver(t *testing.T) {
	d := newDirs(t)
	id := begin(t, d)
	request(t, d)
	save(t, d, id)
	saved := time.Now()
	if rings(t, d, saved.Add(4*time.Second)) {
		t.Error("it is asked for again while the service of the set may still run")
	}
	if !rings(t, d, saved.Add(6*time.Second)) {
		t.Error("it is not asked for again once the service has ended")
	}
	if err := os.Chtimes(bell(d), saved.Add(6*time.Second), saved.Add(6*time.Second)); err != nil { // the clock of the files does not run ahead
		t.Fatal(err)
	}
	if rings(t, d, saved.Add(8*time.Second)) {
		t.Error("it is asked for again and again")
	}
}

// A clock that was ahead, and was set right, keeps nobody waiting until it gets there
// again.
func TestABellOfAClockThatWasAheadIsRungAgain(t *testing.T) {
	d := newDirs(t)
	request(t, d)
	now := time.Now()
	ahead := now.AddDate(0, 0, 7)
	if err := os.Chtimes(bell(d), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	if !rings(t, d, now.Add(time.Hour)) {
		t.Error("nobody asks again for a set until the clock is where it was")
	}
	if rings(t, d, now) {
		t.Error("a bell that was rung this minute is rung again")
	}
}
