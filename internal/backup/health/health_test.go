package health_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/config"
)

const day = 24 * time.Hour

// well is an installation whose backups are as they should be.
func well() health.Input {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	in := health.Input{Now: now, Confirmed: now.Add(-30 * day), Free: 100 << 30}
	in.Config.Backup.Target = "/srv/backup"
	in.Config.Database.Mode = "managed"
	in.History = history.History{
		Set:   history.SavedSet{ID: "s", At: now.Add(-10 * time.Hour), Start: "0/5000028", Seconds: 4},
		WAL:   archive.State{Through: now.Add(-5 * time.Second)},
		Drill: backup.DrillReport{At: now.Add(-2 * day), Passed: true, Point: now.Add(-2*day - time.Minute)},
	}
	return in
}

func TestWhatCountsAsAProblem(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*health.Input)
		want   []string
	}{
		{"nothing, while all is well", func(*health.Input) {}, nil},
		{"a newest set older than 50 hours", func(in *health.Input) { in.History.Set.At = in.Now.Add(-50*time.Hour - 1) }, []string{health.SetTooOld}},
		{"not one of exactly 50 hours", func(in *health.Input) { in.History.Set.At = in.Now.Add(-50 * time.Hour) }, nil},
		{"no set at all counts from the confirmation of the kit", func(in *health.Input) { in.History.Set = history.SavedSet{} }, []string{health.SetTooOld}},
		{"but not on the first day", func(in *health.Input) { in.History = history.History{}; in.Confirmed = in.Now.Add(-10 * time.Minute) }, nil},
		{"WAL that was not archived for 15 minutes", func(in *health.Input) { in.History.WAL.Through = in.Now.Add(-15*time.Minute - 1) }, []string{health.WALNotArchived}},
		{"not where WAL is not received", func(in *health.Input) {
			in.Config.Database.Mode, in.History.WAL = "external", archive.State{Gap: "x"}
		}, nil},
		{"a gap in the WAL without a set behind it", func(in *health.Input) {
			in.History.WAL.Gap, in.History.WAL.GapEnd = "1 to 2", "000000010000000000000007"
		}, []string{health.WALGap}},
		{"not once a set began behind it", func(in *health.Input) {
			in.History.WAL.Gap, in.History.WAL.GapEnd, in.History.Set.Start = "1 to 2", "000000010000000000000007", "0/7000028"
		}, nil},
		{"a copy older than 26 hours", func(in *health.Input) {
			in.Config.Backup.Copy.Target, in.History.Copy.At = "/srv/copy", in.Now.Add(-26*time.Hour-1)
		}, []string{health.CopyTooOld}},
		{"not without a second target", func(in *health.Input) { in.History.Copy.At = in.Now.Add(-300 * day) }, nil},
		{"damaged sets", func(in *health.Input) { in.History.Verify.Damaged = []string{"a", "b"} }, []string{health.SetsDamaged}},
		{"a drill that failed, however new", func(in *health.Input) {
			in.History.Drill.Passed, in.History.Drill.Failures = false, []string{"why"}
		}, []string{health.DrillFailed}},
		{"no drill for nine days", func(in *health.Input) { in.History.Drill.At = in.Now.Add(-9*day - 1) }, []string{health.DrillTooOld}},
		{"never a drill, nine days after the confirmation", func(in *health.Input) { in.History.Drill = backup.DrillReport{} }, []string{health.DrillTooOld}},
		{"a target that is away", func(in *health.Input) { in.Away, in.Free = errors.New("no answer"), -1 }, []string{health.TargetAway}},
		{"less than 2 GiB on the target", func(in *health.Input) { in.Free = 2<<30 - 1 }, []string{health.TargetLowSpace}},
		{"not a target that does not tell", func(in *health.Input) { in.Free = -1 }, nil},
		{"several at once", func(in *health.Input) { in.History = history.History{} }, []string{health.SetTooOld, health.WALNotArchived, health.DrillTooOld}},
		{"before the kit is confirmed only the target", func(in *health.Input) {
			in.Confirmed, in.History, in.Free = time.Time{}, history.History{}, 0
		}, []string{health.TargetLowSpace}},
		{"nothing without a target", func(in *health.Input) { in.Config.Backup.Target, in.History, in.Free = "", history.History{}, 0 }, nil},
	} {
		in := well()
		c.change(&in)
		s := health.Judge(in)
		var got []string
		for _, p := range s.Problems {
			got = append(got, p.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
		if (s.Err() != nil) != (len(c.want) > 0) {
			t.Errorf("%s: %v", c.rule, s.Err())
		}
	}
}

// Alerts are told apart by the key.
func TestTheKeyOfAProblemStaysWhileItsTextChanges(t *testing.T) {
	in := well()
	in.History.Set.At = in.Now.Add(-60 * time.Hour)
	first := health.Judge(in).Problems[0]
	in.Now = in.Now.Add(5 * time.Hour)
	in.History.WAL.Through, in.History.Drill.At = in.Now, in.Now
	second := health.Judge(in).Problems[0]
	if first.Key != second.Key || first.Text == second.Text {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestTheSentenceSaysWhatIsProven(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*health.Input)
		state  string
		want   string
	}{
		{"off without a target", func(in *health.Input) { in.Config.Backup.Target = "" }, "off", "NO BACKUPS"},
		{"unconfirmed without a kit", func(in *health.Input) { in.Confirmed = time.Time{} }, "unconfirmed", "DO NOT RUN"},
		{"unproven without a passed drill", func(in *health.Input) { in.History.Drill.Passed = false; in.History.Drill.Failures = []string{"x"} }, "on", "No backup is proven"},
		{"with WAL", func(*health.Input) {}, "on", "Last proven backup: 2 days old; everything up to 5 s ago is archived"},
		{"without WAL", func(in *health.Input) { in.Config.Database.Mode = "external" }, "on", "everything since the newest set, 10 h ago, is in no set"},
	} {
		in := well()
		c.change(&in)
		if s := health.Judge(in); s.State != c.state || !strings.Contains(s.Sentence(), c.want) {
			t.Errorf("%s: %s, %q", c.rule, s.State, s.Sentence())
		}
	}
}

func TestTheJSONOfAStatusHasTheTextsOfProblems(t *testing.T) {
	in := well()
	in.History.Verify.Damaged = []string{"a"}
	data, err := json.Marshal(health.Judge(in))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"state":"on","last_proven":"2026-11-24T11:59:00Z","last_set":"2026-11-26T02:00:00Z","archived_through":"2026-11-26T11:59:55Z","problems":["sets are damaged: a"]}`
	if string(data) != want {
		t.Errorf("%s\nwant\n%s", data, want)
	}
}

func TestACheckWritesMetricsAndProblemsForOthers(t *testing.T) {
	d := config.Dirs{Config: t.TempDir(), State: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	in := well()
	for _, c := range []struct {
		damaged []string
		want    string
	}{{nil, "[]\n"}, {[]string{"a"}, "[\n  {\n    \"key\": \"backup.sets-damaged\",\n    \"text\": \"sets are damaged: a\"\n  }\n]\n"}} {
		in.History.Verify.Damaged = c.damaged
		if err := health.Write(d, health.Judge(in)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(d.State, "backup", "problems.json")
		data, err := os.ReadFile(path)
		if err != nil || string(data) != c.want {
			t.Errorf("%q, %v", data, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("the alerts of another account cannot read it: %v, %v", info.Mode(), err)
		}
	}
	metrics, err := os.ReadFile(filepath.Join(d.State, "backup", "metrics.prom"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"bugspark_backup_problems 1", "bugspark_backup_set_duration_seconds 4", "bugspark_backup_target_free_bytes 1.073741824e+11"} {
		if !strings.Contains(string(metrics), "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, metrics)
		}
	}
}

func TestLookReadsHistoryKitAndTarget(t *testing.T) {
	d := config.Dirs{Config: t.TempDir(), State: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := well().Config
	cfg.Backup.Target = targettest.Directory(t) // nobody's: a mount that is missing looks like this
	lookup := func(string) (string, bool) { return "", false }
	s, err := health.Look(lookup, d, cfg, time.Now())
	if err != nil || s.State != "unconfirmed" || len(s.Problems) != 1 || s.Problems[0].Key != health.TargetAway || !strings.Contains(s.Problems[0].Text, target.ErrAway.Error()) {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Backup.Target, "owner.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(kit.MarkConfirmed(d, "ABCD"), history.Write(d, history.VerifyFile, history.Verification{Damaged: []string{"a"}})); err != nil {
		t.Fatal(err)
	}
	s, err = health.Look(lookup, d, cfg, time.Now())
	if err != nil || s.State != "on" || !slices.ContainsFunc(s.Problems, func(p health.Problem) bool { return p.Key == health.SetsDamaged }) ||
		slices.ContainsFunc(s.Problems, func(p health.Problem) bool { return p.Key == health.TargetAway }) {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.WriteFile(history.File(d, history.SetFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := health.Look(lookup, d, cfg, time.Now()); err == nil {
		t.Error("a damaged file of the history is taken for none")
	}
}
