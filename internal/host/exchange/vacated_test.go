package exchange_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
)

// server starts a process that looks like PostgreSQL: its name, and where it works.
func server(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "postgres")
	data, err := os.ReadFile(cat)
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	// Its answer says that it has its name by now.
	if _, err := io.WriteString(in, "."); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// A server that somebody has started by hand works on with the directory wherever it
// is moved, and writes into both.
func TestNothingIsExchangedUnderAServer(t *testing.T) {
	for _, at := range []string{"data", "before-restore"} {
		s, copied := prepare(t)
		e := s.exchanger()
		e.Leaving = 100 * time.Millisecond
		if at == "before-restore" { // where the copy waits
			server(t, copied)
		} else {
			server(t, filepath.Join(s.dir, at))
		}
		err := e.Swap(t.Context(), copied, "a set")
		if err == nil || !strings.Contains(err.Error(), "PostgreSQL server") || s.live() != "old" || !s.up() {
			t.Errorf("a server in %s: %v; in place is %s, running %v", at, err, s.live(), s.active)
		}
		if _, pending, err := e.Pending(); pending || err != nil {
			t.Errorf("a server in %s: pending %v, %v", at, pending, err)
		}
	}
}

// The account of the server owns the directory, and may lock it for as long as it likes.
func TestALockThatIsHeldIsNamed(t *testing.T) {
	s, copied := prepare(t)
	unlock, err := durable.TryLockDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	e := s.exchanger()
	e.Leaving = 100 * time.Millisecond
	var told []string
	e.Report = func(what string) { told = append(told, what) }
	err = e.Swap(t.Context(), copied, "a set")
	if err == nil || !strings.Contains(err.Error(), "holds the lock of "+s.dir) || s.live() != "old" || !s.up() {
		t.Errorf("%v; in place is %s, running %v", err, s.live(), s.active)
	}
	if len(told) == 0 || !strings.Contains(told[0], "wait for whoever holds the lock of "+s.dir) {
		t.Errorf("it told %q", told)
	}
	if _, pending, err := e.Pending(); pending || err != nil {
		t.Errorf("pending %v, %v", pending, err)
	}
}

// A server that is being stopped needs a moment for its last processes.
func TestTheLastProcessesOfAServerAreWaitedFor(t *testing.T) {
	s, copied := prepare(t)
	last := server(t, filepath.Join(s.dir, "data"))
	e := s.exchanger()
	looks := 0
	e.Report = func(what string) {
		if looks++; what == "exchange the data" {
			time.AfterFunc(50*time.Millisecond, func() { _ = last.Process.Kill(); _ = last.Wait() })
		}
	}
	if err := e.Swap(t.Context(), copied, "a set"); err != nil || s.live() != "new" {
		t.Errorf("%v; in place is %s", err, s.live())
	}
}

// Whoever interrupts an exchange has running services afterwards.
func TestAnInterruptedExchangeLeavesEverythingRunning(t *testing.T) {
	for _, undo := range []bool{false, true} {
		for at := 1; ; at++ {
			s, copied := prepare(t)
			ctx, cancel := context.WithCancel(t.Context())
			work := func() error { return s.exchanger().Swap(ctx, copied, "a set") }
			if undo {
				if err := work(); err != nil {
					t.Fatal(err)
				}
				work = func() error { return s.exchanger().Undo(ctx) }
			}
			s.step = 0
			s.meet = func() {
				if s.step == at {
					cancel()
				}
			}
			err := work()
			cancel()
			s.meet = nil
			if s.step < at {
				break
			}
			_, pending, pendingErr := s.exchanger().Pending()
			if pendingErr != nil || !s.up() || pending != (s.live() == "new") {
				t.Errorf("undo %v, interrupted at step %d (%v): running %v, %s in place, pending %v %v", undo, at, err, s.active, s.live(), pending, pendingErr)
			}
		}
	}
}
