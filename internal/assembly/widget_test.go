package assembly

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
)

// asNobody runs f on a thread that has no rights of root, and that ends with it.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread() // and is never unlocked: the thread ends with the goroutine
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
				t.Errorf("becoming nobody: %v", errno)
				return
			}
		}
		f()
	}()
	<-done
}

func TestTheSnippetNeedsRootAndSaysSoFirst(t *testing.T) {
	for _, tc := range []struct {
		mode, project, key string
		pinned             bool
		next               string
	}{
		{"managed", "", "", false, "sudo bugspark widget snippet"},
		{"managed", "Ada's shop", "", true, `sudo bugspark widget snippet --pinned 'Ada'\''s shop'`},
		{"external", "", "bsk_pub_x=", false, "sudo bugspark widget snippet --key bsk_pub_x="},
	} {
		env, dirs, log := installation(t, "database:\n  mode: "+tc.mode+"\n", nil)
		p, err := New(env)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dirs.CredentialFile("database-dsn"), []byte("host=/nowhere dbname=none"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dirs.PostgresSocketDir(), 0o700); err != nil {
			t.Fatal(err)
		}
		closed := []string{dirs.PostgresSocketDir(), filepath.Dir(dirs.CredentialFile("database-dsn"))}
		for _, dir := range closed {
			if err := os.Chmod(dir, 0); err != nil {
				t.Fatal(err)
			}
		}
		asNobody(t, func() { _, err = p.WidgetSnippet(t.Context(), tc.project, tc.key, tc.pinned) })
		if fault.Status(err) != int(fault.Preflight) || err.Error() != "this command must run as root, and this account may not use the database" ||
			!slices.Equal(fault.Hints(err), []string{tc.next}) || log.Len() > 0 {
			t.Errorf("%+v: %v %q %s", tc, err, fault.Hints(err), log)
		}
		for _, dir := range closed {
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
}
