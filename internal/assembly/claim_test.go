package assembly

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// TestTheRemedyForANewTargetOfAnotherMachineIsOfApply: what 'backup create --claim' claims
// is the target in force, and not the one that somebody has just named.
func TestTheRemedyForANewTargetOfAnotherMachineIsOfApply(t *testing.T) {
	dir := targettest.Directory(t)
	owner := filepath.Join(dir, "owner.json")
	if err := os.WriteFile(owner, []byte(`{"machine_id":"0123","host":"other.test","since":"2026-11-26T10:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := With(Env{Lookup: func(string) (string, bool) { return "", false }, Stderr: os.Stderr}, config.Dirs{State: t.TempDir()}, config.Config{})
	if err := os.Mkdir(filepath.Join(p.Dirs.State, "backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	e := target.Endpoint{BackupTarget: config.BackupTarget{Target: dir}}
	err := p.claim(t.Context(), e, "backup")
	if err == nil || !strings.Contains(err.Error(), "is that of other.test") || !slices.Equal(fault.Hints(err), []string{"bugspark apply --claim, if that machine is gone for good; or set backup.target to another place"}) {
		t.Errorf("%v %q", err, fault.Hints(err))
	}
	p.ForceClaim = true
	if err := p.claim(t.Context(), e, "backup"); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(owner); err != nil || strings.Contains(string(data), "other.test") {
		t.Errorf("%s %v", data, err)
	}
}
