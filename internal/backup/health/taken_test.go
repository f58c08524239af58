package health_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/config"
)

func TestATargetThatAnotherMachineTookIsAProblem(t *testing.T) {
	dir := targettest.Directory(t)
	d := config.Dirs{State: t.TempDir(), Config: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := config.Config{Backup: config.Backup{BackupTarget: config.BackupTarget{Target: dir}}}
	lookup := func(string) (string, bool) { return "", false }
	problems := func() string {
		t.Helper()
		s, err := health.Look(lookup, d, cfg, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, p := range s.Problems {
			out = append(out, p.Key+": "+p.Text)
		}
		return strings.Join(out, "\n")
	}
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		t.Skip(err)
	}
	owner := func(machine string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "owner.json"), []byte(`{"machine_id":"`+machine+`","host":"other.test","since":"2026-11-26T10:00:00Z"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owner(strings.TrimSpace(string(id)))
	if got := problems(); strings.Contains(got, health.TargetTaken) {
		t.Errorf("its own target: %s", got)
	}
	owner("0123456789abcdef0123456789abcdef")
	if got := problems(); !strings.Contains(got, "target-taken: the backup target "+dir+" is that of other.test since ") || !strings.Contains(got, "bugspark backup create --claim") {
		t.Errorf("another machine's: %s", got)
	}
}
