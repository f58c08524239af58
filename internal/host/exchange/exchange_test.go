package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bugspark/bugspark/internal/host/exchange"
)

// errKilled ends an exchange in the middle, as the end of its process does.
var errKilled = errors.New("killed")

// stack stands for the services: it dies at a step, and notes whether data is
// read while somebody moves it.
type stack struct {
	t       *testing.T
	dir     string
	killAt  int
	step    int
	running bool
	broken  bool // with the restored data
	forked  []string
}

func (s *stack) tick() {
	if s.step++; s.step == s.killAt {
		panic(errKilled)
	}
}

func (s *stack) Start(context.Context, ...string) error {
	s.tick()
	s.running = true
	return nil
}

func (s *stack) Stop(context.Context, ...string) error {
	s.tick()
	s.running = false
	return nil
}

func (s *stack) fork(_ context.Context, data, other string) error {
	s.tick()
	if s.running {
		s.t.Error("data is forked while it is in use")
	}
	s.forked = append(s.forked, read(s.t, data))
	return nil
}

func (s *stack) exchanger() *exchange.Exchanger {
	return &exchange.Exchanger{
		Units: s, Users: []string{"database", "api"}, Dir: s.dir, Memory: filepath.Join(s.dir, "memory.json"), StartNewTimeline: s.fork,
		Healthy: func(context.Context) error {
			s.tick()
			if s.broken && s.live() == "new" {
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
	s := &stack{t: t, dir: t.TempDir(), running: true}
	s.write(filepath.Join(s.dir, "data"), "old")
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
		if err := e.Swap(t.Context(), copied, "a set"); err != nil || s.live() != "new" || !s.running {
			t.Fatalf("swap: %v, %s", err, s.live())
		}
		if err := e.Ready(); err == nil {
			t.Error("a second restore would overwrite the data that is kept")
		}
		end, want := e.Confirm, "new"
		if verb == "undo" {
			end, want = func() error { return e.Undo(t.Context()) }, "old"
		}
		if err := end(); err != nil || s.live() != want || !s.running {
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
	if err := s.exchanger().Swap(t.Context(), copied, "a set"); err == nil || s.live() != "old" || !s.running {
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
			if err := s.exchanger().Swap(t.Context(), copied, "a set"); err != nil || s.live() != "new" || !s.running {
				t.Errorf("%s: the next restore: %v, %s", name, err, s.live())
			}
		}
	}
}
