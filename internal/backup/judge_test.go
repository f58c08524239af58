package backup

import (
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// What a drill fails by, though everything could be restored and read.
func TestADrillJudgesWhatCameBack(t *testing.T) {
	now := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	for rule, c := range map[string]struct {
		beat, archived time.Duration // how long ago; archived 0: never
		rows           int64
		copy           bool
		want           string // empty: nothing
	}{
		"all is well":                                  {beat: time.Minute, archived: time.Second, rows: 1},
		"a table that is empty now":                    {beat: time.Minute, archived: time.Second, want: "table reports had 2 rows and has none"},
		"no WAL from the set on":                       {beat: time.Minute, rows: 1, want: "the archive has no WAL from the set on"},
		"no WAL from the set on in a copy":             {beat: time.Minute, rows: 1, copy: true},
		"a copy of long ago":                           {beat: 20 * time.Minute, rows: 1, copy: true, want: "and at most 15m0s may be lost"},
		"a sign of life just within the slack":         {beat: heartbeatSlack, archived: 0 + time.Nanosecond, rows: 1},
		"WAL of now, and a sign of life of long ago":   {beat: 5 * time.Minute, archived: time.Second, rows: 1, want: "the newest sign of life is of"},
		"everything of long ago, and more may be lost": {beat: 20 * time.Minute, archived: 19 * time.Minute, rows: 1, want: "and at most 15m0s may be lost"},
	} {
		t.Run(rule, func(t *testing.T) {
			d, out := Drill{MaxLost: 15 * time.Minute, Copy: c.copy}, DrillReport{At: now, Point: now.Add(-c.beat), Rows: map[string]int64{"reports": c.rows}}
			var p RestorePoint
			p.Document.Database.Start, p.Document.Database.Rows = "0/2000028", map[string]int64{"reports": 2}
			if c.archived != 0 {
				p.Coverage.Until = now.Add(-c.archived)
			}
			d.judge(p, &out)
			if got := strings.Join(out.Failures, "; "); (got != "") != (c.want != "") || !strings.Contains(got, c.want) {
				t.Errorf("it fails by %q, want %q", got, c.want)
			}
			if out.Lost != c.beat.Seconds() {
				t.Errorf("it tells a loss of %v s, want %s", out.Lost, c.beat)
			}
		})
	}
}

// A second target that failed is mended by a copy, and not by another set.
func TestAFailedDrillNamesTheNextCommand(t *testing.T) {
	for of, want := range map[bool]string{false: "bugspark backup create", true: "bugspark backup copy"} {
		r := DrillReport{Copy: of, Failures: []string{"why"}}
		if got := strings.Join(fault.Hints(r.Err()), ""); !strings.Contains(got, want) || of && strings.Contains(got, "create") {
			t.Errorf("of the second target %v: next %q", of, got)
		}
		if strings.Contains(r.Text(), "second target") != of {
			t.Errorf("of the second target %v: %s", of, r.Text())
		}
	}
}
