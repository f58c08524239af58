package target_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/durable"
)

// stepped is the target of one program, which waits for the test before each step
// that other programs can see, and can be killed there.
type stepped struct {
	target.Store
	at   chan string // the program has come to a step
	goOn chan fate
}

// fate is what becomes of a program at a step.
type fate int

const (
	goesOn     fate = iota
	killed          // before the step
	killedLate      // after the step reached the target, which the program does not hear of
)

var errKilled = errors.New("killed")

func (s *stepped) step(name string) fate {
	s.at <- name
	return <-s.goOn
}

func (s *stepped) Open(ctx context.Context, name string, from, length int64) (io.ReadCloser, error) {
	if s.step("read") != goesOn {
		return nil, errKilled
	}
	return s.Store.Open(context.WithoutCancel(ctx), name, from, length)
}

func (s *stepped) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	f := s.step("write")
	if f == killed {
		return errKilled
	}
	err := s.Store.Put(context.WithoutCancel(ctx), name, body, at)
	if f == killedLate {
		return errKilled
	}
	return err
}

// program is one run of a program that renews the mark.
type program struct {
	store *stepped
	ended chan error
}

func (m *machine) start(t *testing.T) *program {
	p := &program{&stepped{m.Store, make(chan string), make(chan fate)}, make(chan error, 1)}
	own := *m.Target
	own.Store = p.store
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // where another program is at work it gives up instead of waiting
	go func() { p.ended <- own.Renew(ctx) }()
	return p
}

// rest runs until the next step or the end.
func (p *program) rest() (ended bool, err error) {
	select {
	case <-p.store.at:
		return false, nil
	case err := <-p.ended:
		return true, err
	}
}

// Any number of programs of a machine renew its mark, in any order and killed at any
// step, and none ever takes the machine for a stranger. A copy of the machine is one.
func TestModelTheOwnMarkIsNeverLost(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
	end := soak(2 * time.Second)
	for time.Now().Before(end) {
		m := newMachine(t, t.TempDir(), "a")
		if err := m.Claim(t.Context()); err != nil {
			t.Fatal(err)
		}
		var running []*program
		for range 40 {
			m.now = m.now.Add(2 * time.Minute)
			i := r.IntN(3)
			if i >= len(running) {
				p := m.start(t)
				if ended, err := p.rest(); !ended {
					running = append(running, p)
				} else if !errors.Is(err, context.Canceled) {
					t.Fatalf("seed %d: a program does not begin: %v", seed, err)
				}
				continue
			}
			running[i].store.goOn <- []fate{goesOn, goesOn, goesOn, goesOn, killed, killedLate}[r.IntN(6)]
			ended, err := running[i].rest()
			if errors.Is(err, target.ErrOwnedElsewhere) {
				t.Fatalf("seed %d: the machine is a stranger to its own target: %v", seed, err)
			}
			if ended {
				running = append(running[:i], running[i+1:]...)
			}
		}
		for _, p := range running {
			for ended := false; !ended; {
				p.store.goOn <- killed
				ended, _ = p.rest()
			}
		}
		if err := m.Renew(t.Context()); err != nil {
			t.Fatalf("seed %d: in the end: %v", seed, err)
		}
		clone := newMachine(t, m.Store.String(), "a")
		var memory map[string]any
		if _, err := durable.ReadJSON(m.MarkFile, &memory); err != nil {
			t.Fatal(err)
		}
		if err := durable.WriteJSON(clone.MarkFile, memory, 0o600); err != nil {
			t.Fatal(err)
		}
		m.beat(t)
		if err := clone.Check(t.Context()); !errors.Is(err, target.ErrOwnedElsewhere) {
			t.Fatalf("seed %d: a copy of the machine goes on: %v", seed, err)
		}
	}
}

// A write that the program gave up may reach the target later, over a newer mark.
func TestAMarkThatArrivesLateIsKnown(t *testing.T) {
	m := newMachine(t, t.TempDir(), "a")
	if err := m.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	late := &lateStore{Store: m.Store}
	m.now = m.now.Add(2 * time.Minute)
	own := *m.Target
	own.Store = late
	if err := own.Renew(t.Context()); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	m.beat(t)
	m.beat(t)
	put(t, m.Store, target.OwnerFile, late.body, time.Time{})
	if err := m.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

type lateStore struct {
	target.Store
	body string
}

func (l *lateStore) Put(_ context.Context, _ string, body io.Reader, _ time.Time) error {
	data, err := io.ReadAll(body)
	l.body = string(data)
	return errors.Join(err, errKilled)
}

// The programs run as the account of the backups, the claim as root.
func TestTheLockOfTheMarkIsGivenAway(t *testing.T) {
	m := newMachine(t, t.TempDir(), "a")
	if err := m.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := filepath.Glob(m.MarkFile + ".lock"); err != nil || len(found) != 1 {
		t.Errorf("%v %v", found, err)
	}
}

// soak is when a test of random sequences ends: BUGSPARK_SOAK from now, or a little
// later than now.
func soak(short time.Duration) time.Time {
	if text := os.Getenv("BUGSPARK_SOAK"); text != "" {
		if long, err := time.ParseDuration(text); err == nil {
			return time.Now().Add(long)
		}
	}
	return time.Now().Add(short)
}
