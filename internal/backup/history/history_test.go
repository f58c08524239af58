package history_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
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
	if err := history.Write(d, history.SetFile, history.SavedSet{ID: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, err := history.Read(d); err == nil {
		t.Error("it was read")
	}
	if h := history.Known(d); len(h.Unread) != 1 || !strings.Contains(h.Unread[0].Error(), history.DrillFile) || h.Set.ID != "s" || !h.Drill.At.IsZero() {
		t.Errorf("%+v", h)
	}
}
