package progress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/host/setup"
)

// TestASetupFitsAScreen tells a setup of seventy changes.
func TestASetupFitsAScreen(t *testing.T) {
	var out strings.Builder
	p := NewSteps(&out)
	p.Concise = true
	for _, action := range []string{"create", "enable", "start"} {
		for n := range 23 {
			p.Change(setup.Change{What: fmt.Sprintf("bugspark-%d", n), Action: action, Detail: "a long detail"})
		}
	}
	p.Change(setup.Change{What: "one", Action: "restart"})
	p.Finish()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "create bugspark-0 ") || !strings.Contains(lines[0], " and 22 more ") || !strings.Contains(lines[3], "restart one") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
	for _, line := range lines {
		if len(line) > 82 || !strings.HasSuffix(line, " s") {
			t.Errorf("%q does not fit", line)
		}
	}
}
