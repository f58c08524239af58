package machinetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is a stream of reports from several senders, each on a connection it
// keeps.
type load struct {
	mu       sync.Mutex
	acked    []string
	at       []time.Time // when each was acknowledged
	began    []time.Time // when each of these was sent
	took     []time.Duration
	seen     int // of took, by window
	failures []string
	slowest  time.Duration
	stop     atomic.Bool
	done     sync.WaitGroup
}

func startLoad(s *site, name string) *load { return startPacedLoad(s, name, 0) }

// startPacedLoad has each sender rest between two reports.
func startPacedLoad(s *site, name string, rest time.Duration) *load {
	l := &load{}
	for worker := range 4 {
		l.done.Go(func() {
			for n := 0; !l.stop.Load(); n++ {
				time.Sleep(rest)
				began := time.Now()
				id, err := s.report(fmt.Sprintf("%s %d-%d", name, worker, n), "")
				l.note(id, err, began)
			}
		})
	}
	return l
}

func (l *load) note(id string, err error, began time.Time) {
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, took)
	l.took = append(l.took, took)
	if err != nil {
		l.failures = append(l.failures, err.Error())
		return
	}
	l.acked = append(l.acked, id)
	l.at = append(l.at, time.Now())
	l.began = append(l.began, began)
}

// end stops the senders and waits for their last answers.
func (l *load) end() {
	l.stop.Store(true)
	l.done.Wait()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// progress waits until n more reports were acknowledged.
func (l *load) progress(t *testing.T, n int) {
	t.Helper()
	from := l.count()
	for end := time.Now().Add(2 * time.Minute); l.count() < from+n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Fatalf("no progress in two minutes; last failures:\n%s", strings.Join(l.failures[max(0, len(l.failures)-5):], "\n"))
		}
	}
}

// stored fails the test for every acknowledged report that is not there.
func (l *load) stored(t *testing.T, s *site) {
	t.Helper()
	have := s.ids(t)
	lost := 0
	for _, id := range l.acked {
		if !have[id] {
			lost++
		}
	}
	t.Logf("%d acknowledged, %d lost, %d failed requests, slowest %.1f s", len(l.acked), lost, len(l.failures), l.slowest.Seconds())
	if lost > 0 {
		t.Errorf("%d of %d acknowledged reports are lost", lost, len(l.acked))
	}
}

// recovered fails the test for every report that was acknowledged before a moment
// and did not come back.
func (l *load) recovered(t *testing.T, s *site, before time.Time) {
	t.Helper()
	have, lost, late := s.ids(t), 0, 0
	for i, id := range l.acked {
		switch {
		case have[id]:
		case l.at[i].Before(before):
			lost++
		default:
			late++
		}
	}
	t.Logf("of %d acknowledged: lost = %d of those before %s, and %d that came after it", len(l.acked), lost, before.Format(time.TimeOnly), late)
	if lost > 0 {
		t.Errorf("%d reports that should have come back are lost", lost)
	}
}
