package alert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const unit = "bugspark-backup.service"

// expect compares what a channel got since the last time.
func expect(t *testing.T, when string, c *fakeChannel, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if got := c.take(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %s got %q, want %q", when, c.name, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestAProblemIsToldOnceThenDailyThenThatItIsOver(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "the newest set is 50 h old"))
	expect(t, "new", b.mail, unit+" firing")
	for i := range 5 {
		b.now = b.now.Add(5 * time.Minute)
		must(t, b.fail(t.Context(), unit, "the newest set is "+strings.Repeat("5", i+1)+" h old"))
		must(t, b.Review(t.Context()))
	}
	expect(t, "other text", b.mail)
	b.now = b.now.Add(24 * time.Hour)
	must(t, b.Review(t.Context()))
	m := b.mail.sent
	if len(m) != 1 || !m[0].Reminder || m[0].Text != "the newest set is 55555 h old" {
		t.Errorf("the reminder is %+v", m)
	}
	expect(t, "a day later", b.mail, unit+" firing")
	b.units.states[unit] = UnitState{Active: "inactive"}
	b.now = b.now.Add(time.Hour)
	must(t, b.Review(t.Context()))
	if m := b.mail.sent; len(m) != 1 || m[0].At.Sub(m[0].Since) != 25*time.Hour+25*time.Minute {
		t.Errorf("the end is %+v", m)
	}
	expect(t, "over", b.mail, unit+" resolved")
	must(t, b.Review(t.Context()))
	b.now = b.now.Add(48 * time.Hour)
	must(t, b.Review(t.Context()))
	expect(t, "long over", b.mail)
	must(t, b.fail(t.Context(), unit, "again"))
	expect(t, "a second time", b.mail, unit+" firing")
}

// A day is 24 hours, whatever the constant says.
func TestTheReminderComesAfterADayAndNotBefore(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.take()
	b.now = b.now.Add(24*time.Hour - time.Second)
	must(t, b.Review(t.Context()))
	expect(t, "a second too early", b.mail)
	b.now = b.now.Add(time.Second)
	must(t, b.Review(t.Context()))
	expect(t, "a day later", b.mail, unit+" firing")
}

func TestWhenAUnitIsWell(t *testing.T) {
	for active, want := range map[string][]string{
		"active": {unit + " resolved"}, "inactive": {unit + " resolved"},
		// A backup that failed yesterday runs for an hour today.
		"activating": {}, "deactivating": {}, "reloading": {}, "failed": {}, "maintenance": {},
	} {
		b := newBench(t)
		must(t, b.fail(t.Context(), unit, "x"))
		b.mail.take()
		b.units.states[unit] = UnitState{Active: active}
		must(t, b.Review(t.Context()))
		expect(t, active, b.mail, want...)
	}
}

func TestASilentServiceManagerEndsNothing(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.take()
	delete(b.units.states, unit)
	b.units.broken = errors.New("no answer")
	if err := b.Review(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("got %v", err)
	}
	expect(t, "no answer", b.mail)
}

func TestReviewFindsFailedUnitsThatNobodyTold(t *testing.T) {
	b := newBench(t)
	b.units.states["bugspark-api.service"] = UnitState{Active: "failed"}
	b.units.states["bugspark-alert@x.service"] = UnitState{Active: "failed"}
	b.units.states["bugspark-alert-review.service"] = UnitState{Active: "failed"}
	must(t, b.Review(t.Context()))
	expect(t, "review", b.mail, "bugspark-api.service firing")
}

func TestADeliveryThatFailedIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.mail.down = true
	if err := b.fail(t.Context(), unit, "x"); err == nil || !strings.Contains(err.Error(), "telling mail of "+unit) {
		t.Errorf("got %v", err)
	}
	expect(t, "the other channel", b.hook, unit+" firing")
	if b.Review(t.Context()) != nil {
		t.Error("it was tried again at once")
	}
	b.now = b.now.Add(5 * time.Minute)
	b.mail.down = false
	must(t, b.Review(t.Context()))
	expect(t, "the server is back", b.mail, unit+" firing")
	expect(t, "told already", b.hook)

	// The end, too.
	b.mail.down = true
	b.units.states[unit] = UnitState{Active: "active"}
	if b.Review(t.Context()) == nil {
		t.Error("no error")
	}
	expect(t, "over", b.hook, unit+" resolved")
	// What happens meanwhile is another problem.
	b.now = b.now.Add(5 * time.Minute)
	b.mail.down = false
	must(t, b.fail(t.Context(), unit, "again"))
	expect(t, "both", b.mail, unit+" resolved", unit+" firing")
	expect(t, "again", b.hook, unit+" firing")
}

func TestRetriesBecomeRarer(t *testing.T) {
	b := newBench(t)
	b.mail.down = true
	tries := 0
	_ = b.fail(t.Context(), unit, "x")
	for range 12 * 24 {
		b.now = b.now.Add(5 * time.Minute)
		if b.Review(t.Context()) != nil {
			tries++
		}
	}
	if tries < 20 || tries > 40 {
		t.Errorf("%d tries in a day", tries)
	}
}

func TestAProblemThatEndsUntoldIsStillTold(t *testing.T) {
	b := newBench(t)
	b.mail.down = true
	_ = b.fail(t.Context(), unit, "x")
	b.now = b.now.Add(3 * time.Hour)
	b.units.states[unit] = UnitState{Active: "active"}
	b.mail.down = false
	must(t, b.Review(t.Context()))
	expect(t, "over", b.mail, unit+" resolved")
}

func TestAnEndThatNobodyHearsIsForgotten(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.down = true
	b.units.states[unit] = UnitState{Active: "active"}
	_ = b.Review(t.Context())
	b.now = b.now.Add(forgetAfter + time.Hour)
	_ = b.Review(t.Context())
	if s, _, err := b.read(); err != nil || len(s.Problems) != 1 {
		t.Errorf("after a jump of the clock, and hardly a try: %+v %v", s, err)
	}
	for range hopelessAfter {
		b.now = b.now.Add(2 * time.Hour)
		_ = b.Review(t.Context())
	}
	must(t, b.Review(t.Context()))
	if s, _, err := b.read(); err != nil || len(s.Problems) != 0 {
		t.Errorf("after many tries: %+v %v", s, err)
	}
}

// The machine was off, or its clock jumped, while the end could not be told.
func TestAnEndIsToldHoweverLateItIs(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.take()
	b.mail.down = true
	b.units.states[unit] = UnitState{Active: "active"}
	_ = b.Review(t.Context())
	b.mail.down = false
	b.now = b.now.AddDate(1, 0, 0)
	must(t, b.Review(t.Context()))
	expect(t, "a year later", b.mail, unit+" resolved")
}

// A receiver that knows problems by their key would close the new one.
func TestTheEndOfAProblemComesBeforeItsReturn(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.take()
	b.mail.down = true
	b.units.states[unit] = UnitState{Active: "active"}
	for range 5 { // the pause between two tries grows
		b.now = b.now.Add(5 * time.Minute)
		_ = b.Review(t.Context())
	}
	b.mail.down = false
	b.now = b.now.Add(time.Second)
	must(t, b.fail(t.Context(), unit, "x"))
	expect(t, "it fails again", b.mail, unit+" resolved", unit+" firing")
}

// After a reboot a job has not run again, and its next run may be days away.
func TestARebootSettlesNothing(t *testing.T) {
	b := newBench(t)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.take()
	b.units.rebooted = true
	b.units.states[unit] = UnitState{Active: "inactive"}
	must(t, b.Review(t.Context()))
	expect(t, "rebooted", b.mail)
	b.units.states[unit] = UnitState{Active: "inactive", Gone: true}
	must(t, b.Review(t.Context()))
	expect(t, "the unit is gone", b.mail, unit+" resolved")
}

func TestAReviewTellsNothingThatItCannotRecord(t *testing.T) {
	b := newBench(t)
	must(t, os.Mkdir(b.stateFile(), 0o700)) // neither read nor replaced
	b.units.states[unit] = UnitState{Active: "failed", Started: b.now}
	for range 3 {
		if err := b.Review(t.Context()); err == nil {
			t.Error("it says nothing of the state")
		}
	}
	expect(t, "three reviews", b.mail)
	if err := b.Notify(t.Context(), unit); err == nil {
		t.Error("it says nothing of the state")
	}
	expect(t, "one failure", b.mail, unit+" firing")
}

func TestTheStateKeepsNoAlertFromBeingSent(t *testing.T) {
	for name, damage := range map[string]func(b *bench) error{
		"no JSON":      func(b *bench) error { return os.WriteFile(b.stateFile(), []byte("\x00\x00"), 0o600) },
		"empty":        func(b *bench) error { return os.WriteFile(b.stateFile(), nil, 0o600) },
		"another form": func(b *bench) error { return os.WriteFile(b.stateFile(), []byte(`{"problems":{"a":1}}`), 0o600) },
		"nothing of ours": func(b *bench) error {
			return os.WriteFile(b.stateFile(), []byte(`{"problems":[null,{},{"sent":{"mail":null}}]}`), 0o600)
		},
		"no sent":        func(b *bench) error { return os.WriteFile(b.stateFile(), []byte(`{"problems":[{"key":"a"}]}`), 0o600) },
		"a directory":    func(b *bench) error { return os.MkdirAll(filepath.Join(b.stateFile(), "x"), 0o700) },
		"no directory":   func(b *bench) error { b.Dir = filepath.Join(b.Dir, "gone"); return nil },
		"a locked state": func(b *bench) error { return os.Mkdir(filepath.Join(b.Dir, "state.lock"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			must(t, damage(b))
			_ = b.fail(t.Context(), unit, "x")
			if got := b.mail.take(); len(got) == 0 || got[len(got)-1] != unit+" firing" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestADamagedStateIsKeptBeside(t *testing.T) {
	b := newBench(t)
	must(t, os.WriteFile(b.stateFile(), []byte("{"), 0o600))
	must(t, b.fail(t.Context(), unit, "x"))
	if data, err := os.ReadFile(b.stateFile() + ".damaged"); err != nil || string(data) != "{" {
		t.Errorf("%q %v", data, err)
	}
}

func TestAClockFromTheFutureSilencesNothing(t *testing.T) {
	b := newBench(t)
	b.now = b.now.AddDate(10, 0, 0)
	must(t, b.fail(t.Context(), unit, "x"))
	b.mail.take()
	b.now = b.now.AddDate(-10, 0, 0)
	must(t, b.Review(t.Context()))
	expect(t, "the clock is right again", b.mail, unit+" firing")
}

// Several units fail at the same moment, each with a process of its own, while a
// review runs.
func TestProcessesAtTheSameTimeTellOnce(t *testing.T) {
	b := newBench(t)
	units := []string{"bugspark-a.service", "bugspark-b.service", "bugspark-c.service", "bugspark-d.service"}
	for _, u := range units {
		b.units.states[u] = UnitState{Active: "failed"}
	}
	done := make(chan error)
	for range 3 {
		go func() { done <- b.Review(t.Context()) }()
		for _, u := range units {
			go func() { done <- b.Notify(t.Context(), u) }()
		}
	}
	for range 3 * (1 + len(units)) {
		must(t, <-done)
	}
	got := map[string]int{}
	for _, m := range b.mail.take() {
		got[m]++
	}
	for _, u := range units {
		if got[u+" firing"] != 1 || len(got) != len(units) {
			t.Errorf("%v", got)
		}
	}
}

func TestProcessesAtTheSameTimeForgetNothing(t *testing.T) {
	b := newBench(t)
	const n = 10
	done := make(chan error)
	for i := range n {
		go func() { done <- b.Notify(t.Context(), fmt.Sprintf("bugspark-%d.service", i)) }()
	}
	for range n {
		must(t, <-done)
	}
	s, _, err := b.read()
	if err != nil || len(s.Problems) != n || len(b.mail.take()) != n {
		t.Errorf("%d of %d are known, %v", len(s.Problems), n, err)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	b := newBench(t)
	unlock, err := b.lock(t.Context(), "delivery.lock")
	must(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.fail(ctx, unit, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if s, _, err := b.read(); err != nil || len(s.Problems) != 1 {
		t.Errorf("it is not recorded: %+v %v", s, err)
	}
}
