package history_test

import (
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

func TestASetOfOtherDataProvesNothing(t *testing.T) {
	d := newDirs(t)
	before := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	changed, after := before.Add(time.Hour), before.Add(2*time.Hour)
	b := config.Backup{BackupTarget: config.BackupTarget{Target: "/t"}}
	remember := func(at time.Time) {
		t.Helper()
		for name, value := range map[string]any{
			history.SetFile:    history.SavedSet{ID: "s", At: at, Place: "/t"},
			history.DrillFile:  backup.DrillReport{At: after, Point: at, Passed: true, Place: "/t"},
			history.ProvenFile: history.Proof{At: after, Point: at, Place: "/t"},
		} {
			if err := history.Write(d, name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func() history.History {
		t.Helper()
		h, err := history.Read(d)
		if err != nil {
			t.Fatal(err)
		}
		return h.Of(b)
	}
	remember(before)
	if h := look(); h.Set.ID == "" || h.Proven.At.IsZero() || h.Drill.At.IsZero() {
		t.Errorf("without a change of the data it is forgotten: %+v", h)
	}
	if err := history.OtherData(d, changed); err != nil {
		t.Fatal(err)
	}
	if h := look(); h.Set.ID != "" || !h.Proven.At.IsZero() || !h.Drill.At.IsZero() {
		t.Errorf("a set of before still counts: %+v", h)
	}
	if id, err := history.Requested(d); err != nil || id == "" {
		t.Errorf("no set of the other data was asked for: %v", err)
	}
	remember(after)
	if h := look(); h.Set.ID == "" || h.Proven.At.IsZero() || h.Drill.At.IsZero() {
		t.Errorf("a set of after does not count: %+v", h)
	}
}
