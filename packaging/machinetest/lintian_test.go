package machinetest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLintianIsSilent wants no error and no warning that is not overridden with
// a reason in packaging/lintian.
func TestLintianIsSilent(t *testing.T) {
	t.Parallel()
	packages, err := filepath.Glob(filepath.Join("..", "..", "dist", "*.deb"))
	if err != nil || len(packages) != 2 {
		t.Fatalf("there are %d packages to look at instead of 2: run 'make package' (%v)", len(packages), err)
	}
	for _, p := range packages {
		out, err := exec.Command("lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", "--allow-root", p).CombinedOutput()
		if text := strings.TrimSpace(string(out)); text != "" || err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(p), err, text)
		}
	}
}
