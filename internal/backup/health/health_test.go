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
	in := health.Input{Now: now, Kit: kit.Confirmed, Room: target.Room{Free: 100 << 30, Survives: target.Machine}}
	in.Config.Backup.Target = "/srv/backup"
	in.Config.Database.Mode = "managed"
	in.History = history.History{
		On:    history.On{Place: "/srv/backup", Since: now.Add(-30 * day)},
		Set:   history.SavedSet{ID: "s", At: now.Add(-10 * time.Hour), Start: "0/5000028", Seconds: 4},
		WAL:   archive.State{Through: now.Add(-5 * time.Second)},
		Drill: backup.DrillReport{At: now.Add(-2 * day), Passed: true, Point: now.Add(-2*day - time.Minute)},
	}
	return in
}

// withCopy is a change to an installation with a second target that is well.
func withCopy(change func(*health.Input)) func(*health.Input) {
	return func(in *health.Input) {
		in.Config.Backup.Copy.Target = "/srv/copy"
		in.History.Copy = history.CopyRun{At: in.Now.Add(-time.Hour), Since: in.Now.Add(-300 * day), Target: "/srv/copy"}
		in.History.CopyVerify.At = in.Now.Add(-2 * day)
		in.History.CopyDrill = backup.DrillReport{At: in.Now.Add(-2 * day), Passed: true, Point: in.Now.Add(-2 * day)}
		change(in)
	}
}

func TestWhatCountsAsAProblem(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*health.Input)
		want   []string
	}{
		{"nothing, while all is well", func(*health.Input) {}, nil},
		{"a file of somebody else's in the archive", func(in *health.Input) { in.History.WAL.Forged = "wal/7/00000009.live" }, []string{health.ArchiveForged}},
		{"a newest set older than 50 hours", func(in *health.Input) { in.History.Set.At = in.Now.Add(-50*time.Hour - 1) }, []string{health.SetTooOld}},
		{"not one of exactly 50 hours", func(in *health.Input) { in.History.Set.At = in.Now.Add(-50 * time.Hour) }, nil},
		{"no set at all counts from when backups were turned on", func(in *health.Input) { in.History.Set = history.SavedSet{} }, []string{health.SetTooOld}},
		{"but not on the first day", func(in *health.Input) {
			in.History = history.History{On: history.On{Since: in.Now.Add(-10 * time.Minute)}}
		}, nil},
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
		{"a copy that is well", withCopy(func(*health.Input) {}), nil},
		{"sets of another repository on the first target", withCopy(func(in *health.Input) { in.History.Copy.OtherRepository = true }), []string{health.CopyRefused}},
		{"a second target without room beside the data", withCopy(func(in *health.Input) { in.History.Copy.NoRoom = true }), []string{health.CopyLowSpace}},
		{"sets that are missing", func(in *health.Input) {
			in.History.Kept = history.Kept{Place: "/srv/backup", Sets: []history.KeptSet{{ID: "r", Missing: in.Now}, {ID: "s"}}}
		}, []string{health.SetsMissing}},
		{"not those of another target", func(in *health.Input) {
			in.History.Kept = history.Kept{Place: "/srv/before", Sets: []history.KeptSet{{ID: "r", Missing: in.Now}}}
		}, nil},
		{"what the first target lost", withCopy(func(in *health.Input) { in.History.Copy.Lost = 1 }), []string{health.CopyDiffers}},
		{"what the first target has in another size", withCopy(func(in *health.Input) { in.History.Copy.Changed = 1 }), []string{health.CopyDiffers}},
		{"damaged sets of the copy", withCopy(func(in *health.Input) { in.History.CopyVerify.Damaged = []string{"a"} }), []string{health.CopyDamaged}},
		{"a copy that was not verified for nine days", withCopy(func(in *health.Input) { in.History.CopyVerify.At = in.Now.Add(-9*day - 1) }), []string{health.CopyNotVerified}},
		{"a failed drill from the copy", withCopy(func(in *health.Input) {
			in.History.CopyDrill = backup.DrillReport{At: in.Now, Failures: []string{"why"}}
		}), []string{health.CopyDrillFailed}},
		{"no drill from the copy for nine days", withCopy(func(in *health.Input) { in.History.CopyDrill.At = in.Now.Add(-9*day - 1) }), []string{health.CopyDrillTooOld}},
		{"not in the first days of a copy", withCopy(func(in *health.Input) {
			in.History.Copy.Since, in.History.CopyVerify, in.History.CopyDrill = in.Now.Add(-8*day), history.Verification{}, backup.DrillReport{}
		}), nil},
		{"damaged sets", func(in *health.Input) { in.History.Verify.Damaged = []string{"a", "b"} }, []string{health.SetsDamaged}},
		{"a drill that failed, however new", func(in *health.Input) {
			in.History.Drill.Passed, in.History.Drill.Failures = false, []string{"why"}
		}, []string{health.DrillFailed}},
		{"no drill for nine days", func(in *health.Input) { in.History.Drill.At = in.Now.Add(-9*day - 1) }, []string{health.DrillTooOld}},
		{"never a drill, nine days after backups were turned on", func(in *health.Input) { in.History.Drill = backup.DrillReport{} }, []string{health.DrillTooOld}},
		{"a target that is away", func(in *health.Input) { in.Away, in.Room.Free = errors.New("no answer"), -1 }, []string{health.TargetAway}},
		{"less than 2 GiB on the target", func(in *health.Input) { in.Room.Free = 2<<30 - 1 }, []string{health.TargetLowSpace}},
		{"not a target that does not tell", func(in *health.Input) { in.Room.Free = -1 }, nil},
		{"several at once", func(in *health.Input) { in.History = history.History{On: in.History.On} }, []string{health.SetTooOld, health.WALNotArchived, health.DrillTooOld}},
		{"less than the data beside it needs", func(in *health.Input) { in.Room = target.Room{Free: 3<<30 - 1, Reserve: 3 << 30} }, []string{health.TargetLowSpace}},
		{"not a small disk that has what the data needs", func(in *health.Input) { in.Room = target.Room{Free: 1 << 30, Reserve: 1 << 30} }, nil},
		{"keys that the confirmed kit does not have", func(in *health.Input) { in.Kit = kit.Outdated }, []string{health.KitOutdated}},
		{"targets that the confirmed kit does not name", func(in *health.Input) { in.Kit = kit.OtherTargets }, []string{health.KitTargets}},
		{"keys of targets that it does not have", func(in *health.Input) { in.Kit = kit.OtherSecrets }, []string{health.KitTargets}},
		{"not a kit of which an older version remembered no target", func(in *health.Input) { in.Kit = kit.TargetsUnknown }, nil},
		{"a key that is missing", func(in *health.Input) { in.Kit = kit.KeyMissing }, []string{health.KeyMissing}},
		{"not a kit that nobody has confirmed, which is the default", func(in *health.Input) { in.Kit = kit.Unconfirmed }, nil},
		{"not the disk of the data, which is the default", func(in *health.Input) { in.Room.Survives = target.Mistakes }, nil},
		{"a set on another target is none on this one", func(in *health.Input) {
			in.History.Set.Place, in.History.On.Since = "/var/backups/bugspark", in.Now.Add(-51*time.Hour)
		}, []string{health.SetTooOld}},
		{"nothing without a target", func(in *health.Input) { in.Config.Backup.Target, in.History, in.Room.Free = "", history.History{}, 0 }, nil},
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

// What gets nowhere says why; its services never fail, so nothing else would.
func TestWALThatIsNotArchivedSaysWhy(t *testing.T) {
	for trouble, want := range map[string]string{
		"the backup target /srv/backup is full": "nothing was archived for 20 min: the backup target /srv/backup is full (journalctl -u 'bugspark-wal*')",
		"":                                      "nothing was archived for 20 min: its service does not run, or has not come so far (journalctl -u 'bugspark-wal*')",
	} {
		in := well()
		in.History.WAL.Through, in.History.WAL.Trouble = in.Now.Add(-20*time.Minute), trouble
		if p := health.Judge(in).Problems; len(p) != 1 || p[0].Text != want {
			t.Errorf("%+v, want %s", p, want)
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

// moved is an installation whose backups went to /srv/backup until four minutes ago.
func moved(in *health.Input) {
	in.Config.Backup.Target = "/srv/new"
	in.History.On = history.On{Place: "/srv/new", Since: in.Now.Add(-4 * time.Minute)}
	in.History.Set.Place, in.History.Drill.Place = "/srv/backup", "/srv/backup"
	in.History.Verify = history.Verification{At: in.Now.Add(-time.Hour), Place: "/srv/backup", Damaged: []string{"s"}}
	in.History.Runs = map[history.Job]history.Run{history.Prune: {At: in.Now.Add(-time.Hour), Place: "/srv/backup", Failure: "full"}}
}

// What was found on the target before says nothing of this one, good or bad.
func TestAMoveLeavesBehindWhatWasKnown(t *testing.T) {
	in := well()
	moved(&in)
	s := health.Judge(in)
	if s.Proven != nil || s.Drill != nil || s.Set != nil || s.Through != nil || len(s.Problems) > 0 {
		t.Errorf("%+v", s)
	}
	if notes := s.Attention(); len(notes) != 1 || notes[0] != s.Sentence() {
		t.Errorf("%q", notes)
	}
	in.History.Runs[history.TakeSet] = history.Run{At: in.Now, Place: "/srv/new", Failure: "the database does not answer", Next: "bugspark status"}
	s = health.Judge(in)
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "no set could be saved") {
		t.Errorf("%v", err)
	}
	// Back where they went before, all of it counts again.
	in.Config.Backup.Target = "/srv/backup"
	if s := health.Judge(in); s.Proven == nil || s.Set == nil || len(s.Problems) != 2 {
		t.Errorf("%+v", s)
	}
}

// A job that failed is told with its reason until it has run well.
func TestAFailedRunIsAProblemUntilTheNext(t *testing.T) {
	for job, key := range map[history.Job]string{
		history.TakeSet: health.SetFailed, history.Prune: health.PruneFailed, history.Verify: health.VerifyFailed, history.Drill: health.DrillNotHeld,
		history.Copy: health.CopyFailed, history.CopyVerify: health.CopyVerifyBroke, history.CopyDrill: health.CopyNotDrilled,
	} {
		in := well()
		withCopy(func(*health.Input) {})(&in)
		in.History.Runs = map[history.Job]history.Run{job: {At: in.Now, Place: job.Place(in.Config.Backup), Failure: "the target is full", Next: "make room"}}
		p := health.Judge(in).Problems
		if len(p) != 1 || p[0].Key != key || !strings.HasSuffix(p[0].Text, ": the target is full; next: make room") {
			t.Errorf("%s: %+v", job, p)
		}
		in.History.Runs[job] = history.Run{At: in.Now, Place: job.Place(in.Config.Backup), Failure: "x"}
		if p := health.Judge(in).Problems; len(p) != 1 || !strings.Contains(p[0].Text, "next: bugspark backup ") {
			t.Errorf("%s: %+v", job, p)
		}
		in.History.Runs[job] = history.Run{At: in.Now, Place: job.Place(in.Config.Backup)}
		if p := health.Judge(in).Problems; len(p) != 0 {
			t.Errorf("%s, after a run that went well: %+v", job, p)
		}
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
		{"on without a kit", func(in *health.Input) { in.Kit = kit.Unconfirmed }, "on", "Last proven backup"},
		{"nothing yet", func(in *health.Input) { in.History = history.History{} }, "on", "No backup was taken yet"},
		{"unproven without a passed drill", func(in *health.Input) { in.History.Drill.Passed = false; in.History.Drill.Failures = []string{"x"} }, "on", "No backup is proven"},
		{"with WAL", func(*health.Input) {}, "on", "Last proven backup: 2 days old; everything up to 5 s ago is archived"},
		{"with a copy", withCopy(func(*health.Input) {}), "on", "; the second target was up to date 60 min ago, and proven 2 days ago"},
		{"with a copy that is not proven", withCopy(func(in *health.Input) { in.History.CopyDrill = backup.DrillReport{} }), "on", "; the second target was up to date 60 min ago, and is not proven yet"},
		{"with a copy of nothing", func(in *health.Input) { in.Config.Backup.Copy.Target = "/srv/copy" }, "on", "; nothing was copied to the second target /srv/copy yet"},
		{"with a copy from before the first set", withCopy(func(in *health.Input) { in.History.Set.At = in.Now.Add(-time.Minute) }), "on", "; nothing was copied to the second target /srv/copy yet"},
		{"before the first set as well", func(in *health.Input) {
			in.History, in.Config.Backup.Copy.Target = history.History{}, "/srv/copy"
		}, "on", "; nothing was copied to the second target /srv/copy yet"},
		{"after a drill that failed, of the one before", func(in *health.Input) {
			in.History.Proven = history.Proof{At: in.Now.Add(-9 * day), Point: in.Now.Add(-9 * day)}
			in.History.Drill.Passed, in.History.Drill.Failures = false, []string{"x"}
		}, "on", "Last proven backup: 9 days old, but the last drill, 2 days ago, FAILED; everything up to 5 s ago is archived"},
		{"after a move, not of what was proven elsewhere", moved, "on", "No set is on /srv/new yet since backups go there, 4 min ago: one comes by itself; until then there is what /srv/backup holds"},
		{"after a move of a version that noted no place with a drill", func(in *health.Input) {
			moved(in)
			in.History.Drill.Place, in.History.Set.Place = "", "/srv/new"
		}, "on", "No backup is proven yet"},
		{"without WAL", func(in *health.Input) { in.Config.Database.Mode = "external" }, "on", "everything since the newest set, 10 h ago, is in no set"},
	} {
		in := well()
		c.change(&in)
		if s := health.Judge(in); s.State != c.state || !strings.Contains(s.Sentence(), c.want) {
			t.Errorf("%s: %s, %q", c.rule, s.State, s.Sentence())
		}
	}
}

func TestWhatTheBackupsDoNotSurviveIsSaidAndIsNoProblem(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*health.Input)
		want   []string // parts of the limits, in order
	}{
		{"elsewhere, with a kit: nothing", func(*health.Input) {}, nil},
		{"as setup leaves it: the machine, and no kit", func(in *health.Input) {
			in.Kit, in.Room.Survives = kit.Unconfirmed, target.Mistakes
		}, []string{"with its disk", "NOBODY CAN READ"}},
		{"a disk of this machine", func(in *health.Input) { in.Room.Survives = target.Disk }, []string{"another file system of this machine"}},
		{"a kit of which nobody knows what it names", func(in *health.Input) { in.Kit = kit.TargetsUnknown }, []string{"Nobody knows which targets"}},
		{"elsewhere, without a kit", func(in *health.Input) { in.Kit = kit.Unconfirmed }, []string{"NOBODY CAN READ"}},
		{"a copy elsewhere is enough", func(in *health.Input) {
			in.Room.Survives, in.Copy, in.Config.Backup.Copy.Target, in.History.Copy.At = target.Mistakes, target.Machine, "s3://b", in.Now
		}, nil},
		{"not before anything was copied", func(in *health.Input) {
			in.Room.Survives, in.Copy, in.Config.Backup.Copy.Target = target.Mistakes, target.Machine, "s3://b"
			in.History.On.Since = in.Now
		}, []string{"with its disk"}},
		{"nothing is said of a target that is away", func(in *health.Input) { in.Away = errors.New("gone"); in.Room = target.Room{Free: -1} }, nil},
	} {
		in := well()
		c.change(&in)
		s := health.Judge(in)
		if len(s.Limits) != len(c.want) || (s.Err() != nil) != (in.Away != nil) {
			t.Fatalf("%s: %q, %v", c.rule, s.Limits, s.Err())
		}
		for i, part := range c.want {
			if !strings.Contains(s.Limits[i], part) || !slices.Contains(s.Attention(), s.Limits[i]) {
				t.Errorf("%s: %q lacks %q, or nobody is told: %q", c.rule, s.Limits[i], part, s.Attention())
			}
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
	const want = `{"state":"on","recovery_kit":"confirmed","last_proven":"2026-11-24T11:59:00Z","last_drill":{"at":"2026-11-24T12:00:00Z","passed":true},"last_set":"2026-11-26T02:00:00Z","archived_through":"2026-11-26T11:59:55Z","problems":["sets are damaged: a"]}`
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
	if err != nil || s.State != "on" || len(s.Problems) != 2 || s.Problems[1].Key != health.KeyMissing || s.Problems[0].Key != health.TargetAway || !strings.Contains(s.Problems[0].Text, target.ErrAway.Error()) {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Backup.Target, "owner.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(kit.MarkConfirmed(d, kit.Kit{BackupKey: "a key"}), history.Write(d, history.VerifyFile, history.Verification{Damaged: []string{"a"}})); err != nil {
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
	s, err = health.Look(lookup, d, cfg, time.Now())
	unread := func(p health.Problem) bool {
		return p.Key == health.NoteUnreadable && strings.Contains(p.Text, history.SetFile)
	}
	if err != nil || !slices.ContainsFunc(s.Problems, unread) || !slices.ContainsFunc(s.Problems, func(p health.Problem) bool { return p.Key == health.SetsDamaged }) {
		t.Errorf("a damaged file of the history: %+v, %v", s, err)
	}
	if got := s.Sentence(); !strings.Contains(got, "cannot be read") || strings.Contains(got, "No backup was taken") {
		t.Errorf("a damaged file of the history is taken for none: %q", got)
	}
}

// Also of a machine whose backups were turned off.
func TestBackupsThatTheTargetDoesNotNameAreTold(t *testing.T) {
	for target, want := range map[string]string{"/var/backups/bugspark": "", "/srv/backup": "/var/backups/bugspark", "": "/var/backups/bugspark"} {
		in := well()
		in.Config.Backup.Target, in.Before = target, "/var/backups/bugspark"
		if got := health.Judge(in).Before; got != want {
			t.Errorf("with target %q: %q", target, got)
		}
	}
	d := config.Dirs{State: t.TempDir(), Backups: t.TempDir()}
	if s, err := (health.Looker{}).Look(d, config.Config{}, time.Now()); err != nil || s.Before != d.Backups || s.State != "off" {
		t.Errorf("backups are off: %+v, %v", s, err)
	}
}
