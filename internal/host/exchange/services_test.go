package exchange_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bugspark/bugspark/internal/durable"
)

// errKilled ends an exchange in the middle, as the end of its process does.
var errKilled = errors.New("killed")

// services stands for the service manager and what it runs: an API that a socket
// starts and that pulls the database up, which works in the directory it finds in
// place when it starts, wherever that is moved afterwards. It dies at a step, and
// lets something happen at another.
type services struct {
	t       *testing.T
	dir     string // of the cluster
	active  map[string]bool
	waiting bool     // a start of the database waits for the lock of its directory
	data    *os.Root // what the database that runs works in
	killAt  int
	step    int
	meet    func() // called at every step
}

// order is that of the start.
var order = []string{"database", "migrate", "api", "api.socket"}

// pulls are the units that a start brings along, as Requires= and Wants= do, and
// stops those that a stop takes along.
var (
	pulls = map[string][]string{"api": {"api.socket", "migrate"}, "migrate": {"database"}}
	stops = map[string][]string{"api.socket": {"api"}}
)

func newServices(t *testing.T, dir string) *services {
	s := &services{t: t, dir: dir, active: map[string]bool{}}
	t.Cleanup(s.crash)
	return s
}

func (s *services) tick() {
	if s.step++; s.step == s.killAt {
		panic(errKilled)
	}
	if s.meet != nil {
		s.meet()
	}
}

func (s *services) Start(ctx context.Context, units ...string) error {
	if s.tick(); ctx.Err() != nil {
		return ctx.Err()
	}
	for _, unit := range units {
		s.start(unit)
	}
	return nil
}

func (s *services) start(unit string) {
	if s.active[unit] {
		return
	}
	for _, other := range pulls[unit] {
		s.start(other)
	}
	if unit != "database" {
		s.active[unit] = true
		return
	}
	unlock, err := durable.TryLockDir(s.dir)
	if errors.Is(err, durable.ErrLocked) {
		s.waiting = true
		return
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer unlock()
	s.waiting = false
	if s.data, err = os.OpenRoot(filepath.Join(s.dir, "data")); err == nil {
		s.active[unit] = true
	}
}

func (s *services) Stop(ctx context.Context, units ...string) error {
	if s.tick(); ctx.Err() != nil {
		return ctx.Err()
	}
	for _, unit := range units {
		s.stop(unit)
	}
	return nil
}

func (s *services) stop(unit string) {
	for _, other := range stops[unit] {
		s.stop(other)
	}
	delete(s.active, unit)
	if unit == "database" {
		s.waiting = false
		if s.data != nil {
			s.data.Close()
			s.data = nil
		}
	}
}

// crash is the end of every service, as in a power cut.
func (s *services) crash() {
	for _, unit := range slices.Backward(order) {
		s.stop(unit)
	}
}

// apply starts everything, as 'bugspark apply' and a boot do.
func (s *services) apply() {
	for _, unit := range order {
		s.start(unit)
	}
}

func (s *services) up() bool {
	return !slices.ContainsFunc(order, func(unit string) bool { return !s.active[unit] })
}

// The answers to a request.
const (
	refused = "503"
	waits   = "no answer while somebody holds the directory"
	stored  = "201"
)

// request sends a report, as a visitor does: the socket starts what is needed.
func (s *services) request(report string) string {
	s.t.Helper()
	if !s.active["api.socket"] {
		return refused
	}
	s.start("api")
	if !s.active["database"] {
		s.start("database")
	}
	if s.waiting {
		return waits
	}
	f, err := s.data.OpenFile("content", os.O_WRONLY|os.O_APPEND|os.O_SYNC, 0)
	if err == nil {
		_, err = f.WriteString(" " + report)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Fatalf("the database cannot write: %v", err)
	}
	return stored
}
