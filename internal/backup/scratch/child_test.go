package scratch_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/backup/scratch"
)

// running lists the processes whose command line holds a text.
func running(t *testing.T, text string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(line), text) {
			continue // it has ended meanwhile
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// TestCloseEndsWhateverTheWorkerDoes has a worker that what it restored has taken over.
func TestCloseEndsWhateverTheWorkerDoes(t *testing.T) {
	accounts := map[string]*syscall.Credential{"the same account": nil}
	if os.Getuid() == 0 {
		accounts["another account"] = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	n := 0
	for who, account := range accounts {
		for what, script := range map[string]string{
			"it has started something that holds its error output": "setsid sleep %[1]s & cat <&3 >/dev/null; exit 0",
			"it does not end":                   "trap '' TERM HUP INT; while :; do sleep %[1]s; done",
			"it ends at once, something stays":  "setsid sleep %[1]s & exit 0",
			"its context ends and it does not":  "sleep %[1]s & sleep %[1]s",
			"it floods what it says":            "while : %[1]s; do head -c 100000 /dev/zero; done >&2",
			"it ends and holds nothing (usual)": "cat <&3 >/dev/null; exit 0",
		} {
			n++
			length := fmt.Sprintf("%d.%d", 3600+n, os.Getpid())
			t.Run(who+", "+what, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				child := scratch.Child{Program: "/bin/sh", Args: []string{"-c", strings.ReplaceAll(script, "%[1]s", length)}, Env: []string{"PATH=/usr/bin:/bin"},
					Account: account, Log: slog.New(slog.DiscardHandler), Patience: time.Second}
				if strings.Contains(what, "context") {
					child.Patience = time.Hour
				}
				t.Cleanup(func() {
					for _, pid := range running(t, length) {
						_ = syscall.Kill(pid, syscall.SIGKILL) // its command line has this test's own number
					}
				})
				conn, err := child.Start(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(what, "context") {
					cancel()
				}
				closed := make(chan error, 1)
				go func() { closed <- conn.Close() }()
				select {
				case err := <-closed:
					t.Log(err)
				case <-time.After(2 * time.Minute):
					t.Fatal("Close has not returned")
				}
				if left := running(t, length); account != nil && len(left) > 0 {
					t.Errorf("processes %v are left", left)
				}
			})
		}
	}
}

// What the database of a restore starts must reach neither the sockets in /run, most of
// which let everybody in, nor keys of whoever has called the restore.
func TestTheChildOfRootSeesNothingInRunAndHasNoKeysOfTheSession(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("root starts it")
	}
	outside, err := os.MkdirTemp("/run", "bugspark-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(outside)
	// A thread of this process with a key in a session of its own.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	keys := true
	const secret = "bugspark-test-key"
	if _, err := unix.KeyctlJoinSessionKeyring("bugspark-test"); err != nil {
		keys = false
		t.Logf("no keys here: %v", err)
	} else if _, err := unix.AddKey("user", secret, []byte("x"), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	child := scratch.Child{Program: "/bin/sh", Args: []string{"-c", "ls -A /run /var/run/ >&2; cat /proc/keys >&2; grep -c : /proc/self/net/dev >&2; ( : </dev/tty ) 2>/dev/null && echo terminal >&2; env >&2; mkdir /run/x 2>/dev/null && echo written >&2; cat <&3"},
		Env: []string{"PATH=/usr/bin:/bin"}, Account: &syscall.Credential{Uid: 65534, Gid: 65534}, Log: slog.New(slog.NewTextHandler(&said, nil))}
	conn, err := child.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil { // everything is said by then
		t.Fatal(err)
	}
	t.Log(said.String())
	if text := said.String(); !strings.Contains(text, "/run:") || !strings.Contains(text, "says=1\n") || strings.Contains(text, "terminal") || strings.Contains(text, filepath.Base(outside)) || strings.Contains(text, "written") || keys && strings.Contains(text, secret) {
		t.Errorf("it saw %s", text)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("/run of this process: %v", err)
	}
}
