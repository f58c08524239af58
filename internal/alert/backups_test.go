package alert

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"os"
	"strings"
	"testing"
	"time"
)

// check writes what the backup check found, and makes it fail when that is
// anything.
func (b *bench) check(t *testing.T, content string) {
	t.Helper()
	must(t, os.WriteFile(b.BackupProblems, []byte(content), 0o644))
	must(t, os.Chtimes(b.BackupProblems, b.now, b.now))
	st := UnitState{Active: "failed", Started: b.now.Add(-time.Second)}
	if content == "[]" {
		st.Active = "inactive"
	}
	b.units.states[CheckUnit] = st
	if st.Active == "failed" {
		must(t, b.Notify(t.Context(), CheckUnit))
	}
}

const (
	setTooOld = `{"key":"backup.set-too-old","text":"the newest set is 51 h old"}`
	noRoom    = `{"key":"backup.room-too-low","text":"1.9 GB free"}`
)

func TestBackupProblemsAreToldOneByOne(t *testing.T) {
	b := newBench(t)
	b.check(t, "["+setTooOld+"]")
	if m := b.mail.sent; len(m) != 1 || m[0].Text != "the newest set is 51 h old" || m[0].Unit != CheckUnit {
		t.Errorf("%+v", m)
	}
	expect(t, "one", b.mail, "backup.set-too-old firing")
	b.now = b.now.Add(5 * time.Minute)
	b.check(t, "["+strings.ReplaceAll(setTooOld, "51", "52")+","+noRoom+"]")
	expect(t, "a second one", b.mail, "backup.room-too-low firing")
	b.now = b.now.Add(5 * time.Minute)
	b.check(t, "["+noRoom+"]")
	must(t, b.Review(t.Context()))
	expect(t, "the first is over", b.mail, "backup.set-too-old resolved")
	b.now = b.now.Add(5 * time.Minute)
	b.check(t, "[]")
	must(t, b.Review(t.Context()))
	expect(t, "all are over", b.mail, "backup.room-too-low resolved")
}

// Which words tell of a failure of the check: the file only when this run of the
// check wrote it.
func TestTheFileCountsForTheRunThatWroteIt(t *testing.T) {
	start := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	list := []Problem{{Key: "k"}}
	for name, tc := range map[string]struct {
		b     backupProblems
		check UnitState
		want  bool
	}{
		"written by this run":           {backupProblems{list, start.Add(time.Second)}, UnitState{Started: start}, true},
		"in the second of its start":    {backupProblems{list, start}, UnitState{Started: start.Add(900 * time.Millisecond)}, true},
		"written by the run before":     {backupProblems{list, start.Add(-5 * time.Minute)}, UnitState{Started: start}, false},
		"nothing in it":                 {backupProblems{nil, start.Add(time.Second)}, UnitState{Started: start}, false},
		"nobody knows when the run was": {backupProblems{list, start}, UnitState{}, false},
	} {
		if got := tc.b.explain(tc.check); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestACheckThatBreaksIsTold(t *testing.T) {
	b := newBench(t)
	b.check(t, "["+setTooOld+"]")
	b.mail.take()
	b.now = b.now.Add(5 * time.Minute) // the file stays as it was
	b.units.said[CheckUnit] = "panic"
	must(t, b.fail(t.Context(), CheckUnit, "panic"))
	if m := b.mail.sent; len(m) != 1 || m[0].Text != "panic" {
		t.Errorf("%+v", m)
	}
	expect(t, "broken", b.mail, CheckUnit+" firing")
	must(t, b.Review(t.Context()))
	expect(t, "nothing is over", b.mail)
	b.now = b.now.Add(5 * time.Minute)
	b.check(t, "["+setTooOld+"]")
	must(t, b.Review(t.Context()))
	expect(t, "it runs again, and finds what it found", b.mail, CheckUnit+" resolved")
}

func TestBackupFilesThatSayNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(b *bench) error
		want   []string // of a review, with one problem of the backups open
	}{
		"missing":      {func(b *bench) error { return os.Remove(b.BackupProblems) }, []string{"backup.set-too-old resolved"}},
		"switched off": {func(b *bench) error { b.BackupProblems = ""; return nil }, []string{"backup.set-too-old resolved"}},
		"damaged":      {func(b *bench) error { return os.WriteFile(b.BackupProblems, []byte("[{"), 0o644) }, nil},
	} {
		b := newBench(t)
		b.check(t, "["+setTooOld+"]")
		b.mail.take()
		b.units.states[CheckUnit] = UnitState{Active: "inactive"}
		must(t, tc.change(b))
		err := b.Review(t.Context())
		if (err != nil) != (tc.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		expect(t, name, b.mail, tc.want...)
	}
}

func TestEntriesAreReadTolerantly(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("ä", 10000)
	b.check(t, `[{"key":"","text":"no key"},{"text":"none"},{"key":"backup.a","extra":1},{"key":"backup.a","text":"twice"},{"key":"`+CheckUnit+`"},{"key":"bugspark-postgres.service"},{"key":"backup.A b"},{"key":"backup.b","text":"`+long+`"}]`)
	if m := b.mail.sent; len(m) != 2 || m[0].Text != "backup.a" || len(m[1].Text) != longestText {
		t.Errorf("%+v", m)
	}
	expect(t, "two are usable", b.mail, "backup.a firing", "backup.b firing")
	b = newBench(t)
	b.units.said[CheckUnit] = "lines"
	b.check(t, `{"key":"not a list"}`)
	expect(t, "no list", b.mail, CheckUnit+" firing")
}

// The account of the backups owns the file. It must not speak of other services, nor
// flood people, nor make a review hang.
func TestTheFileOfAnotherAccountDoesNoHarm(t *testing.T) {
	b := newBench(t)
	b.check(t, `[{"key":"bugspark-postgres.service","text":"nothing to see"}]`)
	b.mail.take()
	must(t, b.fail(t.Context(), "bugspark-postgres.service", "the disk is full"))
	if m := b.mail.sent; len(m) != 1 || m[0].Text != "the disk is full" {
		t.Errorf("a failure that the file named before: %+v", m)
	}

	b = newBench(t)
	var list []string
	for i := range 200 {
		list = append(list, fmt.Sprintf(`{"key":"backup.k%d"}`, i))
	}
	b.check(t, "["+strings.Join(list, ",")+"]")
	if n := len(b.mail.sent); n != mostProblems {
		t.Errorf("%d messages", n)
	}

	for name, place := range map[string]func(path string) error{
		"a pipe that nobody writes to": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a link": func(path string) error {
			return errors.Join(os.WriteFile(path+".other", []byte("[]"), 0o600), os.Symlink(path+".other", path))
		},
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		b = newBench(t)
		if err := place(b.BackupProblems); err != nil {
			t.Fatal(err)
		}
		if err := b.Review(t.Context()); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}
