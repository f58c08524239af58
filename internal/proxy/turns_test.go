package proxy

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// TestTurnsFollowAModel has sites come, wait, give up and go in any order. The model is a
// list of who waits, of the sites that have not had a turn, and of those that had one.
func TestTurnsFollowAModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		synctest.Test(t, func(t *testing.T) { sequenceOfTurns(t, random) })
	}
}

func sequenceOfTurns(t *testing.T, random *rand.Rand) {
	n := 1 + random.IntN(3)
	turns := newTurns(n)
	turns.poll = nil // a pipe is outside of the bubble
	type waiter struct {
		site netip.Prefix
		got  chan bool
		late time.Time
		gone chan struct{}
	}
	var waiting []*waiter // of the model, each site's in their order
	var fresh, order []netip.Prefix
	busy := 0
	drop := func(w *waiter) {
		waiting = slices.DeleteFunc(waiting, func(o *waiter) bool { return o == w })
	}
	first := func(site netip.Prefix) *waiter {
		if at := slices.IndexFunc(waiting, func(w *waiter) bool { return w.site == site }); at >= 0 {
			return waiting[at]
		}
		return nil
	}
	// following is whose turn is next, if anybody's.
	following := func() *waiter {
		for len(fresh) > 0 {
			site := fresh[0]
			fresh, order = fresh[1:], append(order, site)
			if w := first(site); w != nil {
				return w
			}
		}
		for len(order) > 0 {
			site := order[0]
			order = order[1:]
			if w := first(site); w != nil {
				order = append(order, site)
				return w
			}
		}
		return nil
	}
	answered := func(w *waiter) (bool, bool) {
		synctest.Wait()
		select {
		case ok := <-w.got:
			return ok, true
		default:
			return false, false
		}
	}
	for range 200 {
		switch random.IntN(5) {
		case 0, 1: // somebody comes
			w := &waiter{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(4))}), 32), make(chan bool, 1), time.Now().Add(time.Minute), make(chan struct{})}
			go func() { w.got <- turns.take(w.site, time.Minute, w.gone) }()
			ok, done := answered(w)
			if want := busy < n; done != want || ok != want {
				t.Fatalf("with %d of %d busy it begins %v, %v", busy, n, ok, done)
			}
			if done {
				busy++
				continue
			}
			if !slices.Contains(order, w.site) && !slices.Contains(fresh, w.site) {
				fresh = append(fresh, w.site)
			}
			waiting = append(waiting, w)
		case 2: // a turn ends
			if busy == 0 {
				continue
			}
			turns.give()
			next := following()
			if next == nil {
				busy--
				continue
			}
			drop(next)
			if ok, done := answered(next); !ok || !done {
				t.Fatalf("it is the turn of %s, and it gets %v, %v", next.site, ok, done)
			}
		case 4: // somebody leaves
			if len(waiting) == 0 {
				continue
			}
			w := waiting[random.IntN(len(waiting))]
			close(w.gone)
			if ok, done := answered(w); ok || !done {
				t.Fatalf("who has left got %v, %v", ok, done)
			}
			drop(w)
		case 3: // time passes
			time.Sleep(time.Duration(random.IntN(30)) * time.Second)
			for _, w := range slices.Clone(waiting) {
				if late := !time.Now().Before(w.late); late {
					if ok, done := answered(w); ok || !done {
						t.Fatalf("after a minute it got %v, %v", ok, done)
					}
					drop(w)
				}
			}
		}
		for _, w := range waiting {
			if ok, done := answered(w); done {
				t.Fatalf("%s got %v out of turn", w.site, ok)
			}
		}
	}
	time.Sleep(2 * time.Minute) // nobody waits any more
	for range busy {
		turns.give()
	}
	if turns.free != n || turns.fresh.Len()+turns.order.Len()+len(turns.sites) > 0 {
		t.Errorf("at the end %d of %d are free, and %d sites wait", turns.free, n, len(turns.sites))
	}
}

// Turns that follow each other without a pause leave a processor no moment in which it has
// nothing to run. Whoever something has come for runs meanwhile all the same, and not only
// when Go looks for it every ten milliseconds.
func TestTheNetworkIsLookedAtBetweenTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const chain = 2000
	turns, site := newTurns(1), netip.MustParsePrefix("10.0.0.1/32")
	turns.take(site, time.Minute, nil)
	var left atomic.Int32
	var ended sync.WaitGroup
	for range chain {
		ended.Go(func() {
			turns.take(site, time.Minute, nil)
			left.Add(1)
			turns.give()
		})
	}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	heard := make(chan int32, 1)
	go func() {
		from.Read(make([]byte, 1))
		heard <- left.Load()
	}()
	for waiters(turns) < chain {
		time.Sleep(time.Millisecond)
	}
	if _, err := to.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	turns.give()
	ended.Wait()
	if n := <-heard; n > chain/10 {
		t.Errorf("what had come before was heard after %d of %d turns", n, chain)
	}
	for turns.poll.reads() {
		time.Sleep(pollIdle / 10) // the pipe closes after a second
	}
	if turns.take(site, 0, nil); turns.free != 0 {
		t.Errorf("%d turns are free", turns.free)
	}
}

// A site that did not wait before comes before those that had a turn.
func TestWhoDidNotWaitComesFirst(t *testing.T) {
	turns := newTurns(1)
	old, other := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")
	turns.take(old, time.Minute, nil)
	began := make(chan netip.Prefix, 3)
	wait := func(site netip.Prefix) {
		before := waiters(turns)
		go func() { turns.take(site, time.Minute, nil); began <- site }()
		for waiters(turns) == before {
			runtime.Gosched()
		}
	}
	wait(old)
	wait(old)
	turns.give()
	if site := <-began; site != old {
		t.Fatalf("it is the turn of %s", site)
	}
	wait(other)
	turns.give()
	if site := <-began; site != other {
		t.Errorf("a site that had its turn came before %s", other)
	}
}

// reads reports whether the pipe is open.
func (p *poll) reads() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.in != nil
}

func waiters(t *turns) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, q := range t.sites {
		n += q.waiting.Len()
	}
	return n
}

func TestATurnThatIsHeldEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, site := newTurns(1), netip.MustParsePrefix("10.0.0.1/32")
		turns.poll = nil
		done, ok := turns.hold(site, time.Minute, nil)
		if _, next := turns.hold(site, 20*time.Millisecond, nil); !ok || !next {
			t.Error("the turn did not end by itself")
		}
		done() // is over, and ends nobody else's
		if _, next := turns.hold(site, longestTurn/2, nil); next {
			t.Error("a turn that was over ended another one")
		}
	})
}

// Between handshakes the processors are free for as long as the last one took, and for
// three times as long between those of one site.
func TestHandshakesPause(t *testing.T) {
	one, other := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")
	for _, c := range []struct {
		waits      netip.Prefix
		took, rest time.Duration
	}{{one, time.Millisecond, restOfSite * time.Millisecond}, {one, time.Second, longestRest}, {other, time.Millisecond, time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			turns := newTurns(1)
			turns.poll = nil
			turns.take(one, time.Minute, nil)
			turns.rest(one, c.took)
			began := time.Now()
			if turns.take(one, time.Minute, nil); time.Since(began) > 0 {
				t.Errorf("where nobody waited the next began after %s", time.Since(began))
			}
			next := make(chan time.Duration)
			go func() { turns.take(c.waits, time.Minute, nil); next <- time.Since(began) }()
			synctest.Wait()
			turns.rest(one, c.took)
			if after := <-next; after != c.rest {
				t.Errorf("after %s the next began after %s", c.took, after)
			}
		})
	}
}

// A request does not keep the turn of what was read of its connection while it waits for
// one of its own.
func TestARequestHasOneTurn(t *testing.T) {
	a := NewAdmission(AdmissionOptions{Connections: 10, PerNetwork: 10, Stall: time.Minute})
	server, client := net.Pipe()
	defer client.Close()
	c, _ := a.admit(server)
	go client.Write([]byte("x"))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Log: slog.New(slog.DiscardHandler), Proxy: config.Proxy{ConnectionsPerAddress: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for p.turns.free > 0 {
		p.turns.take(netip.Prefix{}, 0, nil)
	}
	before := c.read.Load()
	ctx, leave := context.WithCancel(withConn(t.Context(), tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS13})))
	served := make(chan struct{})
	go func() {
		defer close(served)
		defer func() { _ = recover() }() // that the client has left, which the server expects
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	}()
	for waiters(p.turns) == 0 {
		runtime.Gosched()
	}
	if before == nil || c.read.Load() != nil {
		t.Errorf("its turn was %v, and is %v", before, c.read.Load())
	}
	leave()
	<-served
}

// A connection that has to make room for others stops waiting, and nothing is done for it.
func TestWhatIsEvictedWaitsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAdmission(AdmissionOptions{Connections: 10, PerNetwork: 10, Stall: time.Minute})
		for a.reads.free > 0 {
			a.reads.take(netip.Prefix{}, 0, nil)
		}
		for a.handshakes.free > 0 {
			a.handshakes.take(netip.Prefix{}, 0, nil)
		}
		server, client := net.Pipe()
		c, _ := a.admit(server)
		ended := make(chan error, 2)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		go func() { ended <- a.beginHandshake(&tls.ClientHelloInfo{Conn: c}) }()
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		c.Close()
		for range 2 {
			if err := <-ended; err == nil || time.Since(began) > 0 {
				t.Errorf("it ended with %v after %s", err, time.Since(began))
			}
		}
		if waiters(a.reads)+waiters(a.handshakes) > 0 || c.handshake.Load() != 0 {
			t.Error("somebody waits or works for it")
		}
	})
}
