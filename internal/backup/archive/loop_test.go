package archive

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
)

func TestThePaceOfTheShipper(t *testing.T) {
	began := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	failed := errors.New("no target")
	var p pace
	for _, c := range []struct {
		rule    string
		err     error
		after   time.Duration
		wait    time.Duration
		restart bool
	}{
		{"a round that goes well is followed by the next", nil, 0, 2 * time.Second, false},
		{"a failure doubles the wait", failed, 2 * time.Second, 4 * time.Second, false},
		{"each time", failed, 6 * time.Second, 8 * time.Second, false},
		{"each time", failed, 14 * time.Second, 16 * time.Second, false},
		{"up to half a minute", failed, 30 * time.Second, 30 * time.Second, false},
		{"up to half a minute", failed, time.Minute, 30 * time.Second, false},
		{"two minutes of failures are no reason to start again", failed, 2*time.Minute + 2*time.Second, 30 * time.Second, false},
		{"more than two are", failed, 2*time.Minute + 3*time.Second, 30 * time.Second, true},
		{"success forgets the failures", nil, 3 * time.Minute, 2 * time.Second, false},
		{"and the next failure is the first", failed, 10 * time.Minute, 4 * time.Second, false},
	} {
		if wait, restart := p.next(c.err, began.Add(c.after)); wait != c.wait || restart != c.restart {
			t.Errorf("%s: after %s wait %s, restart %v", c.rule, c.after, wait, restart)
		}
	}
}

// memory is a machine's in a test.
type memory struct {
	start     string
	failing   error
	requested []string
	saved     State
}

func (m *memory) State() (State, error)         { return State{}, nil }
func (m *memory) Save(s State) error            { m.saved = s; return nil }
func (m *memory) LastSetStart() (string, error) { return m.start, m.failing }
func (m *memory) RepeatRequest(time.Time) error { return nil }

func (m *memory) RequestSet(why string) error {
	m.requested = append(m.requested, why)
	return nil
}

type noDatabase struct{}

func (noDatabase) Heartbeat(context.Context) (bool, error)               { return false, errors.New("no database") }
func (noDatabase) Pictures(context.Context, time.Time) ([]string, error) { return nil, nil }

func newLoop(t *testing.T, m *memory) (l *Loop, spool string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	store := target.Directory(t.TempDir())
	own := &target.Target{Store: store, MarkFile: filepath.Join(t.TempDir(), "target.json"), Machine: "m", Now: time.Now}
	if err := own.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	objects, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = &Loop{Spool: t.TempDir(), Target: own, Store: m, System: func(context.Context) (string, error) { return "7", nil }}
	l.Shipper = Shipper{Archive: &Archive{Target: store, Recipient: identity.Recipient(), Signer: key, Writers: []ed25519.PublicKey{public}}, Source: noDatabase{}, Objects: objects, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	return l, filepath.Join(l.Spool, "7", "00000001")
}

func segments(t *testing.T, spool string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(spool, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(spool, name), make([]byte, SegmentSize), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAGapInTheWALRequestsASetOnce(t *testing.T) {
	for rule, c := range map[string]struct {
		memory   memory
		requests int
	}{
		"without a set behind it":                {memory{start: "0/1000028"}, 1},
		"without any set":                        {memory{}, 1},
		"when the last set cannot be read":       {memory{failing: errors.New("damaged")}, 1},
		"not when a set already began behind it": {memory{start: "0/5000028"}, 0},
	} {
		m := c.memory
		l, spool := newLoop(t, &m)
		if err := l.round(t.Context()); err != nil {
			t.Fatalf("%s: nothing was received yet: %v", rule, err)
		}
		segments(t, spool, "000000010000000000000001", "000000010000000000000004")
		for range 2 {
			if err := l.round(t.Context()); err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
		}
		if len(m.requested) != c.requests {
			t.Errorf("%s: %q", rule, m.requested)
		}
		if m.saved.Last != "000000010000000000000004" || m.saved.Gap == "" {
			t.Errorf("%s: remembered %+v", rule, m.saved)
		}
	}
}

// answering is a database whose WAL has reached the spool, or has not.
type answering struct{ spooled bool }

func (a answering) Heartbeat(context.Context) (bool, error)             { return a.spooled, nil }
func (answering) Pictures(context.Context, time.Time) ([]string, error) { return nil, nil }

// TestTheStateSaysWhyTheArchiveIsBehind has one stage after the other in trouble.
func TestTheStateSaysWhyTheArchiveIsBehind(t *testing.T) {
	m := memory{}
	l, spool := newLoop(t, &m)
	segments(t, spool, "000000010000000000000001")
	for _, c := range []struct {
		source Source
		want   string
	}{{noDatabase{}, "no database"}, {answering{}, "not reached the spool"}, {answering{true}, ""}} {
		l.Shipper.Source = c.source
		if err := l.round(t.Context()); err != nil {
			t.Error(err)
		}
		if got := m.saved.Trouble; !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("it says %q instead of %q", got, c.want)
		}
		if m.saved.Through.IsZero() != (c.want != "") {
			t.Errorf("%q: through %s", c.want, m.saved.Through)
		}
	}
	if err := l.Target.Put(t.Context(), target.OwnerFile, strings.NewReader(`{"machine_id": "another"}`), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := l.round(t.Context()); err == nil || !strings.Contains(m.saved.Trouble, "another machine") {
		t.Errorf("%v, and it says %q", err, m.saved.Trouble)
	}
}

func TestTheShipperWritesToNoTargetOfAnotherMachine(t *testing.T) {
	m := memory{}
	l, spool := newLoop(t, &m)
	segments(t, spool, "000000010000000000000001")
	if err := l.Target.Put(t.Context(), target.OwnerFile, strings.NewReader(`{"machine_id": "another"}`), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := l.round(t.Context()); !errors.Is(err, target.ErrOwnedElsewhere) {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 1 {
		t.Errorf("the spool: %v, %v", left, err)
	}
}

func TestADatabaseThatIsAwayKeepsNothingInTheSpool(t *testing.T) {
	m := memory{}
	l, spool := newLoop(t, &m)
	segments(t, spool, "000000010000000000000001")
	if err := l.round(t.Context()); err != nil { // it knows the system now
		t.Fatal(err)
	}
	l.System = func(context.Context) (string, error) { return "", errors.New("no database") }
	segments(t, spool, "000000010000000000000002")
	if err := l.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.saved.Last != "000000010000000000000002" {
		t.Errorf("%+v", m.saved)
	}
}

func TestTheLoopEndsWithItsContext(t *testing.T) {
	m := memory{}
	l, _ := newLoop(t, &m)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it runs on")
	}
}

// What was shipped to one target is not on the next one: histories go there again, and
// no gap is told of between a segment there and one here.
func TestAnotherTargetBeginsWithTheHistories(t *testing.T) {
	m := memory{}
	l, spool := newLoop(t, &m)
	l.goTo("/a")
	segments(t, spool, "000000010000000000000001")
	second := filepath.Join(l.Spool, "7", "00000002")
	if err := errors.Join(os.MkdirAll(second, 0o700), os.WriteFile(filepath.Join(second, "00000002.history"), []byte("1\t0/2000000\tx\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	has := func(l *Loop, name string) bool {
		_, err := l.Target.Stat(t.Context(), file("wal/7/"+name))
		return err == nil
	}
	if !has(l, "00000002.history") || !has(l, "000000010000000000000001") {
		t.Fatal("the first target lacks something")
	}
	// A history is brought once.
	if err := l.Target.Delete(t.Context(), file("wal/7/00000002.history")); err != nil {
		t.Fatal(err)
	}
	if err := l.round(t.Context()); err != nil || has(l, "00000002.history") {
		t.Errorf("brought again, %v", err)
	}
	next, _ := newLoop(t, &m)
	next.Spool = l.Spool
	next.Shipper.State = m.saved
	next.goTo("/b")
	segments(t, second, "000000020000000000000009")
	if err := next.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !has(next, "00000002.history") || !has(next, "000000020000000000000009") {
		t.Error("the other target lacks something")
	}
	if m.saved.Gap != "" || len(m.requested) > 0 || m.saved.Place != "/b" {
		t.Errorf("%+v, requested %q", m.saved, m.requested)
	}
	// A new start on the same target goes on where it was.
	again, _ := newLoop(t, &m)
	again.Shipper.State = m.saved
	if again.goTo("/b"); again.Shipper.State.Last != "000000020000000000000009" {
		t.Errorf("%+v", again.Shipper.State)
	}
}

func (noDatabase) Position(context.Context) (uint32, string, error) {
	return 0, "", errors.New("no database")
}

func (answering) Position(context.Context) (uint32, string, error) {
	return 0, "", errors.New("no database")
}
