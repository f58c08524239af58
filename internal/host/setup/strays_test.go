package setup

import (
	"os"
	"path/filepath"
	"testing"
)

// TestApplySeesWhatTheBackupsCannotUse looks at a target of account 12345.
func TestApplySeesWhatTheBackupsCannotUse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const account = 12345
	dir := t.TempDir()
	for _, name := range []string{"sets", "archive", "lost+found"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		rule, given string
		want        bool
	}{
		{"both directories are root's", "archive", true},
		{"none is any more", "sets", false},
	} {
		if err := os.Chown(filepath.Join(dir, c.given), account, account); err != nil {
			t.Fatal(err)
		}
		if got := strays(dir, account); got != c.want {
			t.Errorf("%s: %v", c.rule, got)
		}
	}
}
