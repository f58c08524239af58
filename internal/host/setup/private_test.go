package setup

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestTheLocalTargetIsMadeWhereOnlyRootCanExchangeIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives directories away")
	}
	for _, c := range []struct {
		rule    string
		prepare func(dir string) error
		path    string
		made    bool
	}{
		{"below a directory of root's", func(dir string) error { return os.Mkdir(filepath.Join(dir, "b"), 0o755) }, "b/bugspark", true},
		{"with the directory above", func(string) error { return nil }, "b/bugspark", true},
		{"behind a link of root's", func(dir string) error { return os.Symlink(t.TempDir(), filepath.Join(dir, "b")) }, "b/bugspark", true},
		{"not below another account's", func(dir string) error {
			os.Mkdir(filepath.Join(dir, "b"), 0o755)
			return os.Chown(filepath.Join(dir, "b"), 65534, 65534)
		}, "b/bugspark", false},
		{"not below one that all may write", func(dir string) error {
			os.Mkdir(filepath.Join(dir, "b"), 0o777)
			return os.Chmod(filepath.Join(dir, "b"), 0o777)
		}, "b/bugspark", false},
		{"not over a link", func(dir string) error { return os.Symlink("/etc", filepath.Join(dir, "bugspark")) }, "bugspark", false},
	} {
		dir := t.TempDir()
		if err := c.prepare(dir); err != nil {
			t.Fatal(err)
		}
		err := makePrivate(filepath.Join(dir, c.path))
		if (err == nil) != c.made {
			t.Errorf("%s: %v", c.rule, err)
		}
		if info, err := os.Lstat(filepath.Join(dir, c.path)); c.made && (err != nil || info.Mode() != fs.ModeDir|0o700) {
			t.Errorf("%s: %v, %v", c.rule, info, err)
		}
	}
}
