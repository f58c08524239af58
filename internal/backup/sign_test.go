package backup_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
)

func TestADrillReportCannotBeMadeBetter(t *testing.T) {
	r := backup.DrillReport{At: time.Date(2026, 11, 24, 3, 45, 0, 123456789, time.UTC), Set: "a", Lost: 18.4, Checks: []string{"everything"}, Rows: map[string]int64{"reports": 3, "accounts": 1}}
	if err := r.Sign("the backup key"); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(r, "", "  ") // as it is kept
	if err != nil {
		t.Fatal(err)
	}
	var kept backup.DrillReport
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if !kept.Signed("the backup key") {
		t.Error("a kept report is not genuine")
	}
	if kept.Signed("another key") {
		t.Error("a report is genuine for any key")
	}
	for name, change := range map[string]func(*backup.DrillReport){
		"less lost": func(r *backup.DrillReport) { r.Lost = 0.1 },
		"passed":    func(r *backup.DrillReport) { r.Passed = true },
		"more rows": func(r *backup.DrillReport) { r.Rows = map[string]int64{"reports": 4} },
		"unsigned":  func(r *backup.DrillReport) { r.Signature = "" },
	} {
		changed := kept
		if change(&changed); changed.Signed("the backup key") {
			t.Errorf("%s: still genuine", name)
		}
	}
}
