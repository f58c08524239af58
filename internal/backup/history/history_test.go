package history_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

func newDirs(t *testing.T) config.Dirs {
	t.Helper()
	d := config.Dirs{State: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAJobThatNeverRanHasAZeroValue(t *testing.T) {
	h, err := history.Read(newDirs(t))
	if err != nil || !reflect.DeepEqual(h, history.History{}) {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestEachJobHasAFileOfItsOwn(t *testing.T) {
	d := newDirs(t)
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	want := history.History{Set: history.SavedSet{ID: "s", At: at, Start: "0/1", Seconds: 2}, Verify: history.Verification{At: at, Full: at}}
	if err := history.Write(d, history.SetFile, want.Set); err != nil {
		t.Fatal(err)
	}
	if err := history.Write(d, history.VerifyFile, want.Verify); err != nil {
		t.Fatal(err)
	}
	if got, err := history.Read(d); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if info, err := os.Stat(history.File(d, history.SetFile)); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("status of another account cannot read it: %v, %v", info, err)
	}
}

func TestADamagedFileIsNoJobThatNeverRan(t *testing.T) {
	d := newDirs(t)
	if err := os.WriteFile(history.File(d, history.DrillFile), []byte(`{"passed": tr`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := history.Read(d); err == nil {
		t.Error("it was read")
	}
}

func requested(t *testing.T, d config.Dirs) (at time.Time, found bool) {
	t.Helper()
	info, err := os.Stat(history.File(d, "set-wanted"))
	if err != nil {
		return at, false
	}
	return info.ModTime(), true
}

func TestASetAnswersOnlyARequestFromBeforeItBegan(t *testing.T) {
	for rule, c := range map[string]struct {
		began time.Duration // after the request
		open  bool
	}{
		"one that began later has what was wanted":    {time.Second, false},
		"one that had begun may lack what was wanted": {-time.Second, true},
	} {
		d := newDirs(t)
		if err := history.RequestSet(d, "why"); err != nil {
			t.Fatal(err)
		}
		at, _ := requested(t, d)
		if err := history.Saved(d, history.SavedSet{ID: "s"}, at.Add(c.began)); err != nil {
			t.Fatal(err)
		}
		if _, open := requested(t, d); open != c.open {
			t.Errorf("%s: still requested %v", rule, open)
		}
		if h, err := history.Read(d); err != nil || h.Set.ID != "s" {
			t.Errorf("%s: %+v, %v", rule, h.Set, err)
		}
	}
}

func TestARequestIsRepeatedAfterTenMinutes(t *testing.T) {
	d := newDirs(t)
	if err := history.RepeatRequest(d, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, found := requested(t, d); found {
		t.Fatal("a set was requested that nobody wanted")
	}
	if err := history.RequestSet(d, "why"); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		after    time.Duration
		repeated bool
	}{{10*time.Minute - time.Second, false}, {10 * time.Minute, true}} {
		if err := os.Chtimes(history.File(d, "set-wanted"), long, long); err != nil {
			t.Fatal(err)
		}
		if err := history.RepeatRequest(d, long.Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if at, found := requested(t, d); !found || at.Equal(long) == c.repeated {
			t.Errorf("after %s: written at %s, requested at %s", c.after, at, long)
		}
	}
	if data, err := os.ReadFile(history.File(d, "set-wanted")); err != nil || string(data) != "why\n" {
		t.Errorf("%q, %v", data, err)
	}
}
