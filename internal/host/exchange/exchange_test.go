package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

// stack is an installation: its services, and whether they are healthy with
// restored data.
type stack struct {
	*services
	broken bool
	forked []string
}

func (s *stack) fork(_ context.Context, data, other string) error {
	s.tick()
	if s.active["database"] {
		s.t.Error("data is forked while it is in use")
	}
	s.forked = append(s.forked, read(s.t, data))
	return nil
}

func (s *stack) exchanger() *exchange.Exchanger {
	return &exchange.Exchanger{
		Units: s, Users: order, Dir: s.dir, Memory: filepath.Join(s.dir, "memory.json"), StartNewTimeline: s.fork, Leaving: 30 * time.Second,
		Healthy: func(context.Context) error {
			s.tick()
			if s.broken {
				return errors.New("not healthy")
			}
			return nil
		},
		Report: func(string) { s.tick() },
	}
}

func read(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "content"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (s *stack) live() string { return read(s.t, filepath.Join(s.dir, "data")) }

func (s *stack) write(dir, content string) {
	s.t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "content"), []byte(content), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

// prepare makes a machine with old data and a copy that is ready.
func prepare(t *testing.T) (*stack, string) {
	t.Helper()
	s := &stack{services: newServices(t, t.TempDir())}
	s.write(filepath.Join(s.dir, "data"), "old")
	s.apply()
	copied := filepath.Join(s.exchanger().Next(), "database")
	s.write(copied, "new")
	return s, copied
}

// dies runs f and tells whether the process was killed in it.
func dies(f func() error) (killed bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			killed = true
			if p != any(errKilled) {
				panic(p)
			}
		}
	}()
	return false, f()
}

func TestARestoreIsUndoneOrConfirmed(t *testing.T) {
	for _, verb := range []string{"undo", "confirm"} {
		s, copied := prepare(t)
		e := s.exchanger()
		if err := e.Swap(t.Context(), copied, "a set"); err != nil || s.live() != "new" || !s.up() {
			t.Fatalf("swap: %v, %s", err, s.live())
		}
		if err := e.Ready(); err == nil {
			t.Error("a second restore would overwrite the data that is kept")
		}
		end, want := e.Confirm, "new"
		if verb == "undo" {
			end, want = func() error { return e.Undo(t.Context()) }, "old"
		}
		if err := end(); err != nil || s.live() != want || !s.up() {
			t.Errorf("%s: %v, %s", verb, err, s.live())
		}
		if verb == "undo" && (len(s.forked) != 1 || s.forked[0] != "old") {
			t.Errorf("forked: %v", s.forked)
		}
		if err := end(); err == nil {
			t.Errorf("a second %s has nothing to do and says nothing", verb)
		}
		entries, err := os.ReadDir(s.dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("after %s there are %v (%v)", verb, entries, err)
		}
	}
}

func TestDataThatDoesNotComeUpGivesWay(t *testing.T) {
	s, copied := prepare(t)
	s.broken = true
	if err := s.exchanger().Swap(t.Context(), copied, "a set"); err == nil || s.live() != "old" || !s.up() {
		t.Errorf("swap: %v, %s", err, s.live())
	}
	if err := s.exchanger().Ready(); err != nil {
		t.Errorf("after the way back: %v", err)
	}
}

// However far a restore comes before it is killed: the data in place is the old
// or the new, the old is not lost, and a restore or the way back goes on from
// there.
func TestAKillLosesNothing(t *testing.T) {
	for _, undo := range []bool{false, true} {
		for at := 1; ; at++ {
			s, copied := prepare(t)
			work := func() error { return s.exchanger().Swap(t.Context(), copied, "a set") }
			if undo {
				if err := work(); err != nil {
					t.Fatal(err)
				}
				s.step = 0
				work = func() error { return s.exchanger().Undo(t.Context()) }
			}
			s.killAt = at
			killed, err := dies(work)
			if err != nil {
				t.Fatal(err)
			}
			if !killed {
				break
			}
			s.killAt = 0
			name := fmt.Sprintf("killed at step %d (undoing: %v)", at, undo)
			_, pending, err := s.exchanger().Pending()
			if err != nil || pending != (s.live() == "new") {
				t.Errorf("%s: %s is in place, pending %v (%v)", name, s.live(), pending, err)
			}
			if pending {
				if err := s.exchanger().Undo(t.Context()); err != nil {
					t.Errorf("%s: undoing: %v", name, err)
				}
			}
			if s.live() != "old" {
				t.Errorf("%s: the old data is lost, %s is there", name, s.live())
			}
			if err := errors.Join(s.exchanger().Ready(), s.exchanger().Clear()); err != nil {
				t.Errorf("%s: the next restore: %v", name, err)
			}
			s.write(copied, "new")
			if err := s.exchanger().Swap(t.Context(), copied, "a set"); err != nil || s.live() != "new" || !s.up() {
				t.Errorf("%s: the next restore: %v, %s", name, err, s.live())
			}
		}
	}
}

// A clock that jumps between the steps, or a year before the machine was made, says
// nothing about which data is in place.
func TestAClockThatJumpsChangesNothing(t *testing.T) {
	for _, at := range []string{"1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"} {
		for _, verb := range []string{"undo", "confirm"} {
			s, copied := prepare(t)
			e := s.exchanger()
			if err := e.Swap(t.Context(), copied, "a set"); err != nil {
				t.Fatal(err)
			}
			record, _, err := e.Pending()
			if err != nil {
				t.Fatal(err)
			}
			if record.At, err = time.Parse(time.RFC3339, at); err != nil {
				t.Fatal(err)
			}
			if err := durable.WriteJSON(e.Memory, record, 0o600); err != nil {
				t.Fatal(err)
			}
			if again, pending, err := e.Pending(); !pending || err != nil || again != record {
				t.Errorf("%s: pending %v, %+v, %v", at, pending, again, err)
			}
			end, want := e.Confirm, "new"
			if verb == "undo" {
				end, want = func() error { return e.Undo(t.Context()) }, "old"
			}
			if err := end(); err != nil || s.live() != want {
				t.Errorf("%s, %s: %v, %s in place", at, verb, err, s.live())
			}
		}
	}
}

// moveTo moves an installation to another disk with cp -a, which gives every file
// another inode.
func (s *stack) moveTo(dir string) *exchange.Exchanger {
	s.t.Helper()
	if out, err := exec.Command("cp", "-a", s.dir+"/.", dir).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	s.dir = dir
	return s.exchanger()
}

// swapInodes makes the record name the inode of the data in place as the old one.
func (s *stack) swapInodes(e *exchange.Exchanger) {
	s.t.Helper()
	record, _, err := e.Pending()
	if err != nil {
		s.t.Fatal(err)
	}
	info, err := os.Stat(e.Live())
	if err != nil {
		s.t.Fatal(err)
	}
	record.Old = info.Sys().(*syscall.Stat_t).Ino
	if err := durable.WriteJSON(e.Memory, record, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func TestARestoreStillWaitsOnAnotherDisk(t *testing.T) {
	for _, verb := range []string{"undo", "confirm"} {
		s, copied := prepare(t)
		if err := s.exchanger().Swap(t.Context(), copied, "a set"); err != nil {
			t.Fatal(err)
		}
		e := s.moveTo(t.TempDir())
		if verb == "undo" {
			// The inodes of the copy may be those of before, the other way round.
			s.swapInodes(e)
		}
		if record, pending, err := e.Pending(); err != nil || !pending || record.What != "a set" {
			t.Errorf("after the move it does not wait: %+v, %v", record, err)
		}
		if err := e.Ready(); err == nil {
			t.Error("the next restore would delete the data from before")
		}
		end, want := e.Confirm, "new"
		if verb == "undo" {
			end, want = func() error { return e.Undo(t.Context()) }, "old"
		}
		if err := end(); err != nil || s.live() != want {
			t.Errorf("%s: %v, %s in place", verb, err, s.live())
		}
		if err := e.Ready(); err != nil {
			t.Errorf("after %s: %v", verb, err)
		}
	}
}

// However far a restore or its undo came before it was killed: on another disk the old
// data is found, or nothing is done until somebody tells which it is.
func TestAKillAndAMoveLoseNothing(t *testing.T) {
	for _, undo := range []bool{false, true} {
		for at := 1; ; at++ {
			s, copied := prepare(t)
			work := func() error { return s.exchanger().Swap(t.Context(), copied, "a set") }
			if undo {
				if err := work(); err != nil {
					t.Fatal(err)
				}
				s.step = 0
				work = func() error { return s.exchanger().Undo(t.Context()) }
			}
			s.killAt = at
			killed, err := dies(work)
			if err != nil {
				t.Fatal(err)
			}
			if !killed {
				break
			}
			s.killAt = 0
			name := fmt.Sprintf("killed at step %d (undoing: %v)", at, undo)
			_, waited, err := s.exchanger().Pending()
			if err != nil {
				t.Fatal(err)
			}
			e := s.moveTo(t.TempDir())
			_, pending, err := e.Pending()
			if err == nil && pending != waited {
				t.Errorf("%s: it waited %v, and after the move %v", name, waited, pending)
			}
			if err != nil {
				if e.Ready() == nil || e.Confirm() == nil || e.Undo(t.Context()) == nil {
					t.Errorf("%s: something is done although nobody knows which data is old", name)
				}
				follow(t, strings.Join(fault.Hints(err), " "), waited)
				if _, pending, err := e.Pending(); err != nil || pending != waited {
					t.Errorf("%s: after what was advised it waits %v: %v", name, pending, err)
				}
			}
			if waited {
				if err := e.Undo(t.Context()); err != nil {
					t.Errorf("%s: undoing: %v", name, err)
				}
			}
			if s.live() != "old" {
				t.Errorf("%s: the old data is lost, %s is there", name, s.live())
			}
			if err := errors.Join(e.Ready(), e.Clear()); err != nil {
				t.Errorf("%s: the next restore: %v", name, err)
			}
		}
	}
}

// follow runs the command that a refusal gives for a restore that waited, or for one
// that was interrupted.
func follow(t *testing.T, hint string, waited bool) {
	t.Helper()
	pattern := `if it was interrupted: (.*), and run`
	if waited {
		pattern = `undo: (sed .*), then`
	}
	m := regexp.MustCompile(pattern).FindStringSubmatch(hint)
	if m == nil {
		t.Fatalf("no command in %q", hint)
	}
	if out, err := exec.Command("sh", "-c", m[1]).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", m[1], err, out)
	}
}
