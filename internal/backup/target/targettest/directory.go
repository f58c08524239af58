package targettest

import (
	"os"
	"testing"
)

// Directory makes an empty directory that the setting backup.target accepts: not
// below /tmp, which services do not see. Only root can; the test is skipped for
// others.
func Directory(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes a directory in /srv")
	}
	dir, err := os.MkdirTemp("/srv", "bugspark-target")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
