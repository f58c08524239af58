package supervisor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/host/supervisor"
)

func TestStrangersAreRefused(t *testing.T) {
	m := &manager{}
	socket, journal := serve(t, m, nil)
	var refusal string
	if os.Getuid() == 0 {
		// Root may always ask, so another account has to be the stranger.
		refusal = askAsNobody(t, socket)
	} else if err := supervisor.NewClient(socket).Restart(t.Context(), "bugspark-api.service"); err != nil {
		refusal = err.Error()
	}
	if !strings.Contains(refusal, "may not ask") || len(m.restarted) != 0 {
		t.Errorf("a stranger got %q and restarted %v", refusal, m.restarted)
	}
	if !strings.Contains(journal.String(), "status=403") {
		t.Errorf("no audit line in\n%s", journal)
	}
}

func askAsNobody(t *testing.T, socket string) string {
	t.Helper()
	for _, p := range []string{filepath.Dir(socket), socket} {
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("curl", "-sS", "-X", "POST", "--unix-socket", socket, "http://x/v1/units/bugspark-api.service/restart")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
