package job

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
)

func TestADrillOfASetFromBeforeOtherDataFails(t *testing.T) {
	j := &Jobs{Dirs: config.Dirs{State: t.TempDir()}}
	if err := os.Mkdir(filepath.Join(j.Dirs.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	if err := history.OtherData(j.Dirs, since); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		taken, point time.Time
		passed       bool
	}{
		{since.Add(-time.Minute), since.Add(-time.Second), false},
		{since.Add(-time.Minute), since.Add(time.Second), true}, // by WAL of the data in use
		{since.Add(time.Second), since.Add(-time.Minute), true}, // with a sign of life that a restore brought back
	} {
		r := backup.DrillReport{Set: "s", Document: backup.Document{CreatedAt: c.taken}, Point: c.point, Passed: true}
		if err := j.ofOtherData(&r); err != nil || r.Passed != c.passed || c.passed != (len(r.Failures) == 0) {
			t.Errorf("taken %s, of %s: %v, %v, %v", c.taken, c.point, r.Passed, r.Failures, err)
		}
		if !c.passed && !strings.Contains(strings.Join(r.Failures, ""), "it proves nothing of them; 'bugspark backup create'") {
			t.Errorf("%q", r.Failures)
		}
	}
}

// Of 20 GiB backups leave 6 GiB free, of 1 TiB 20 GiB.
func TestTheSpoolIsBounded(t *testing.T) {
	for _, c := range []struct {
		mib           int
		reserve, want int64
	}{{4096, 6 << 30, 2 << 30}, {4096, 20 << 30, 4 << 30}, {1 << 20, 20 << 30, (20 << 30) / 3}, {64, 6 << 30, 64 << 20}, {64, 0, 0}} {
		if got := spoolWithin(c.mib, c.reserve); got != c.want {
			t.Errorf("spool_mib %d of %d: %d", c.mib, c.reserve, got)
		}
	}
}

// The weekly drill of one target takes nothing from the reports of the other.
func TestReportsOfDrillsAreKeptForEachTarget(t *testing.T) {
	j := &Jobs{Dirs: config.Dirs{State: t.TempDir()}}
	if err := os.Mkdir(filepath.Join(j.Dirs.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 4, 3, 45, 0, 0, time.UTC)
	for week := range reportsKept + 2 {
		for _, second := range []bool{false, true} {
			s := &Session{Jobs: j, Endpoint: target.Endpoint{Copy: second}}
			if err := s.keepReport(backup.DrillReport{At: at.AddDate(0, 0, 7*week), Copy: second}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, pattern := range []string{"*Z.json", "*Z.txt", "*Z-copy.json", "*Z-copy.txt"} {
		got, err := filepath.Glob(filepath.Join(history.File(j.Dirs, "drills"), pattern))
		if err != nil || len(got) != reportsKept || !strings.Contains(got[0], "20260118T") {
			t.Errorf("%s: %d, %v", pattern, len(got), err)
		}
	}
}
