package history_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

func exists(t *testing.T, d config.Dirs, name string) bool {
	t.Helper()
	_, err := os.Stat(history.File(d, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func state(t *testing.T) config.Dirs {
	t.Helper()
	d := config.Dirs{State: t.TempDir()}
	if err := os.Mkdir(history.File(d, ""), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAMoveAsksForASetAndTurningOnDoesNot(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		rule   string
		before string // place of the newest set
		places []string
		moved  bool
		since  time.Time
	}{
		{"turned on", "", []string{"/a"}, false, now},
		{"nothing new", "/a", []string{"/a", "/a"}, false, now},
		{"moved", "/a", []string{"/a", "/b"}, true, now.Add(time.Hour)},
		{"off and on", "/a", []string{"/a", "", "/a"}, false, now.Add(2 * time.Hour)},
		{"off, and on elsewhere", "/a", []string{"/a", "", "/b"}, true, now.Add(2 * time.Hour)},
		{"off", "/a", []string{"/a", ""}, false, time.Time{}},
	} {
		d := state(t)
		if err := history.Write(d, history.SetFile, history.SavedSet{ID: "s", Place: c.before}); err != nil {
			t.Fatal(err)
		}
		var moved bool
		for i, place := range c.places {
			var err error
			if moved, err = history.TurnOn(d, place, now.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		h, err := history.Read(d)
		if err != nil || moved != c.moved || !h.On.Since.Equal(c.since) || exists(t, d, "set-wanted") != c.moved {
			t.Errorf("%s: moved %v, %+v, %v", c.rule, moved, h.On, err)
		}
	}
}

func TestTheFirstSetOnATargetIsToBeProvenAtOnce(t *testing.T) {
	d := state(t)
	now := time.Now()
	save := func(place string, wanted bool) {
		t.Helper()
		if err := errors.Join(history.Drilled(d), history.Saved(d, history.SavedSet{ID: "s", At: now, Place: place}, now)); err != nil {
			t.Fatal(err)
		}
		if got := exists(t, d, "drill-wanted"); got != wanted {
			t.Errorf("a set on %s: a drill is wanted: %v", place, got)
		}
	}
	save("/a", true)
	save("/a", true) // no drill came yet
	if err := errors.Join(history.Write(d, history.DrillFile, backup.DrillReport{At: now.Add(-4 * time.Hour)}), history.Write(d, history.VerifyFile, history.Verification{At: now, Damaged: []string{"s"}})); err != nil {
		t.Fatal(err)
	}
	save("/a", true) // what failed is proven again
	held := func(place string, passed bool, ago time.Duration) {
		t.Helper()
		if err := history.Write(d, history.DrillFile, backup.DrillReport{At: now.Add(-ago), Passed: passed, Place: place}); err != nil {
			t.Fatal(err)
		}
	}
	held("/a", false, 4*time.Hour-time.Second)
	save("/a", false) // but not with every set
	held("/a", false, -7*24*time.Hour)
	save("/a", true) // it failed while the clock was ahead
	held("/a", true, 300*24*time.Hour)
	save("/a", false)
	held("/b", true, time.Minute)
	save("/a", true)
	held("/a", true, time.Minute)
	save("/a", false)
	save("/b", true)
	if h, err := history.Read(d); err != nil || len(h.Verify.Damaged) > 0 {
		t.Errorf("the damage of another target: %+v, %v", h.Verify, err)
	}
}

// The account of the backups owns the notes: none of them keeps an apply from naming the
// place.
func TestTurnOnDespiteNotesThatCannotBeRead(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, note := range []string{history.OnFile, history.SetFile, history.DrillFile} {
		d := newDirs(t)
		if err := os.WriteFile(history.File(d, note), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := history.TurnOn(d, "/a", now); err != nil {
			t.Errorf("%s: %v", note, err)
		}
		if h := history.Known(d); h.On.Place != "/a" || !h.On.Since.Equal(now) {
			t.Errorf("%s: %+v", note, h.On)
		}
	}
}
