package machinetest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

const local = "/var/backups/bugspark"

// TestBackupsFromTheFirstMinute is what an administrator has who runs setup and does
// nothing else, and the way from there to a target of theirs.
func TestBackupsFromTheFirstMinute(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	s := setUpWith(t, m, "")
	began := time.Now()
	id, err := s.report("the first", "")
	if err != nil {
		t.Fatal(err)
	}
	firstSet(t, m)
	archived(t, m)
	drilled(t, m, began)
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("a set, the archive and a drill took %s", took)
	}
	timers := m.Run(t, "systemctl", "list-timers", "bugspark*")
	for _, name := range []string{"backup", "backup-prune", "backup-verify", "backup-drill", "backup-check"} {
		if !strings.Contains(timers, "bugspark-"+name+".timer") {
			t.Errorf("no timer of %s in\n%s", name, timers)
		}
	}
	if r, status := drill(t, m); !r.Passed || status != 0 || r.Rows["reports"] != 1 {
		t.Errorf("a drill on demand: %d, %+v", status, r)
	}
	out, status := m.Try("bugspark", "status")
	for _, part := range []string{"NEEDS ATTENTION", "Last proven backup", "DIE WITH THIS MACHINE", "NOBODY CAN READ"} {
		if status != 5 || !strings.Contains(out, part) {
			t.Errorf("status %d does not say %q:\n%s", status, part, out)
		}
	}
	t.Log(out)
	// It is no failure, so that nobody is woken every night.
	if out := m.Run(t, "bugspark", "backup", "check"); !strings.Contains(out, "DIE WITH THIS MACHINE") {
		t.Errorf("check says\n%s", out)
	}
	m.Run(t, "systemctl", "start", "bugspark-backup-check.service")
	if out := m.Read(t, "/var/lib/bugspark/backup/problems.json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("problems: %s", out)
	}
	if out := m.Run(t, "stat", "-c", "%U %a", local); strings.TrimSpace(out) != "bugspark-backup 700" {
		t.Errorf("%s belongs to %s", local, out)
	}
	applyIsIdle(t, m)
	t.Run("a lost key is not made anew", func(t *testing.T) { lostKey(t, m) })
	t.Run("another target is one setting", func(t *testing.T) { targetMoves(t, m, s, id) })
	t.Run("no target is no backups", func(t *testing.T) { targetEmptied(t, m) })
}

// drilled waits for a drill that came by itself.
func drilled(t *testing.T, m *machine.Machine, since time.Time) {
	t.Helper()
	within(t, 5*time.Minute, "the drill that comes by itself", func() bool {
		var r struct {
			At       time.Time
			Passed   bool
			Failures []string
		}
		out, status := m.Try("cat", "/var/lib/bugspark/backup/last-drill.json")
		if status != 0 || json.Unmarshal([]byte(out), &r) != nil || r.At.Before(since) {
			return false
		}
		if !r.Passed {
			t.Fatalf("it failed: %q", r.Failures)
		}
		return true
	})
}

func lostKey(t *testing.T, m *machine.Machine) {
	confirmKit(t, m)
	for _, name := range []string{"archive-identity", "backup-key"} {
		path := "/etc/bugspark/credentials/" + name
		m.Run(t, "mv", path, "/root/"+name)
		if out, status := m.Try("bugspark", "apply"); status != 3 || !strings.Contains(out, name) || !strings.Contains(out, "recovery kit") {
			t.Errorf("apply without %s: %d %s", name, status, out)
		}
		if _, status := m.Try("test", "-e", path); status == 0 {
			t.Errorf("%s was made anew", name)
		}
		m.Try("systemctl", "start", "bugspark-backup-check.service")
		if out := m.Read(t, "/var/lib/bugspark/backup/problems.json"); !strings.Contains(out, "backup.key-missing") {
			t.Errorf("the check without %s: %s", name, out)
		}
		m.Shell(t, "echo another >"+path)
		m.Try("systemctl", "start", "bugspark-backup-check.service")
		if out := m.Read(t, "/var/lib/bugspark/backup/problems.json"); !strings.Contains(out, "backup.kit-outdated") {
			t.Errorf("the check with another %s: %s", name, out)
		}
		m.Run(t, "mv", "/root/"+name, path)
	}
	m.Run(t, "systemctl", "start", "bugspark-backup-check.service")
	if out := m.Read(t, "/var/lib/bugspark/backup/problems.json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("with the keys back: %s", out)
	}
}

func targetMoves(t *testing.T, m *machine.Machine, s *site, id string) {
	m.Run(t, "mkdir", "/srv/backup")
	setTarget(t, m, "/srv/backup")
	began := time.Now()
	m.Run(t, "bugspark", "apply")
	firstSet(t, m)
	archived(t, m)
	drilled(t, m, began)
	later, err := s.report("after the move", "")
	if err != nil {
		t.Fatal(err)
	}
	archived(t, m)
	m.Run(t, "bugspark", "restore", "--time", time.Now().UTC().Format("2006-01-02T15:04:05Z"), "--dry-run")
	if out, _ := m.Try("bugspark", "status"); !strings.Contains(out, local) {
		t.Errorf("status does not name the sets from before:\n%s", out)
	}
	// The old sets are as they were.
	m.Run(t, "bugspark", "restore", "--target", local, "--set", "latest", "--into", "/srv/old")
	t.Logf("reports %s and %s", id, later)
}

func targetEmptied(t *testing.T, m *machine.Machine) {
	setTarget(t, m, `""`)
	m.Run(t, "bugspark", "apply")
	if out, status := m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "There are NO BACKUPS") {
		t.Errorf("status: %d %s", status, out)
	}
	applyIsIdle(t, m)
}
