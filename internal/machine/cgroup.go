package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// cgroup is a control group for one machine. Without it, systemd-nspawn puts every
// machine into the same group "payload", where two machines kill each other's
// processes.
type cgroup struct{ dirs []string }

func newCgroup(t *testing.T, name string) *cgroup {
	t.Helper()
	c := &cgroup{}
	// The unified hierarchy, or the two that a hybrid one has for systemd.
	for _, top := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"} {
		if _, err := os.Stat(filepath.Join(top, "cgroup.procs")); err != nil {
			continue
		}
		dir := filepath.Join(top, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatalf("making a control group: %v", err)
		}
		c.dirs = append(c.dirs, dir)
	}
	t.Cleanup(c.remove)
	return c
}

// command runs args in the control group.
func (c *cgroup) command(args ...string) []string {
	script := ""
	for _, dir := range c.dirs {
		script += fmt.Sprintf("echo $$ >%s/cgroup.procs && ", dir)
	}
	return append([]string{"sh", "-c", script + `exec "$@"`, "sh"}, args...)
}

// remove removes the groups that the machine left, children first.
func (c *cgroup) remove() {
	for _, dir := range c.dirs {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		for _, d := range slices.Backward(all) {
			_ = syscall.Rmdir(d)
		}
	}
}
