package assembly

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// What a power cut leaves of a drill takes room that the next drill counts on, and would
// keep it from being held on a disk with little more. A new process of the copy removes it
// as well, but only after the room was found. The account of the copies owns the place,
// and must not lead root anywhere else.
func TestTheBootRemovesWhatADrillLeft(t *testing.T) {
	program, err := exec.LookPath("systemd-tmpfiles")
	if err != nil {
		t.Skip("systemd-tmpfiles is not installed")
	}
	dirs := config.DirsFrom(func(string) (string, bool) { return "", false })
	place := (&Parts{Dirs: dirs}).scratchPlace()
	root := t.TempDir()
	boot := func() {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, "--boot", "--remove", "--root="+root, filepath.Join(root, "bugspark.conf")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	conf, err := os.ReadFile(filepath.Join("..", "..", "packaging", "tmpfiles.d", "bugspark.conf"))
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(root, place.Data)
	other := filepath.Join(root, dirs.State, "postgres")
	for name, content := range map[string]string{
		filepath.Join(root, "bugspark.conf"):   string(conf),
		filepath.Join(root, "etc", "passwd"):   "root:x:0:0::/:/bin/sh\nbugspark-postgres:x:990:990::/:/bin/sh\n",
		filepath.Join(root, "etc", "group"):    "root:x:0:\nbugspark:x:991:\n",
		filepath.Join(data, "base", "1"):       "left",
		filepath.Join(other, "data", "base.1"): "stays",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	boot()
	if _, err := os.Lstat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", place.Data, err)
	}
	if err := errors.Join(os.RemoveAll(data), os.Symlink(other, data)); err != nil {
		t.Fatal(err)
	}
	boot()
	if _, err := os.Stat(filepath.Join(other, "data", "base.1")); err != nil {
		t.Errorf("what a link leads to: %v", err)
	}
}
