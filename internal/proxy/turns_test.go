package proxy

import (
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnsFollowAModel has sites come, wait, give up and go in any order. The model is a
// list of who waits, and of which site had its turn when.
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
	type waiter struct {
		site netip.Prefix
		got  chan bool
		late time.Time
		gone chan struct{}
	}
	var waiting []*waiter // of the model, each site's in their order
	var order []netip.Prefix
	busy := 0
	drop := func(w *waiter) {
		waiting = slices.DeleteFunc(waiting, func(o *waiter) bool { return o == w })
		if !slices.ContainsFunc(waiting, func(o *waiter) bool { return o.site == w.site }) {
			order = slices.DeleteFunc(order, func(s netip.Prefix) bool { return s == w.site })
		}
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
			if !slices.Contains(order, w.site) {
				order = append(order, w.site)
			}
			waiting = append(waiting, w)
		case 2: // a turn ends
			if busy == 0 {
				continue
			}
			turns.give()
			if len(order) == 0 {
				busy--
				continue
			}
			next := waiting[slices.IndexFunc(waiting, func(w *waiter) bool { return w.site == order[0] })]
			if drop(next); len(order) > 0 && order[0] == next.site {
				order = append(order[1:], next.site)
			}
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
	if turns.free != n || turns.order.Len() > 0 || len(turns.sites) > 0 {
		t.Errorf("at the end %d of %d are free, and %d sites wait", turns.free, n, len(turns.sites))
	}
}

func TestATurnThatIsHeldEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, site := newTurns(1), netip.MustParsePrefix("10.0.0.1/32")
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
		if len(a.reads.sites)+len(a.handshakes.sites) > 0 || c.handshake.Load() {
			t.Error("somebody waits or works for it")
		}
	})
}
