package proxy

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// turns bounds what goes on at once of work that takes processor time. Sites that wait
// take turns, so that one with thousands of connections waits for itself, and everybody
// else for a few milliseconds. Three kinds of work do: handshakes, half as many at once as
// there are processors, since each takes half a millisecond; what came from a client, one
// for each processor; requests, four for each. With more at once the processors are never
// idle, and Go looks for what else has come only every ten milliseconds then.
type turns struct {
	mu      sync.Mutex
	free    int
	order   []netip.Prefix                   // sites that wait, the next one first
	waiting map[netip.Prefix][]chan struct{} // of a site, who came first is first; closed when it is its turn
}

func newTurns(n int) *turns { return &turns{free: n, waiting: map[netip.Prefix][]chan struct{}{}} }

// take waits for a turn, and reports whether it came in time. It is given back by give.
func (t *turns) take(site netip.Prefix, patience time.Duration) bool {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return true
	}
	mine := make(chan struct{})
	if len(t.waiting[site]) == 0 {
		t.order = append(t.order, site)
	}
	t.waiting[site] = append(t.waiting[site], mine)
	t.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-mine:
		return true
	case <-late.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // meanwhile
		return true
	default:
		t.leave(site, mine)
		return false
	}
}

// give ends a turn, and begins that of the site that waits longest.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.free++
		return
	}
	site := t.order[0]
	next := t.waiting[site][0]
	t.leave(site, next)
	if len(t.waiting[site]) > 0 {
		t.order = append(t.order[1:], site)
	}
	close(next)
}

// leave takes somebody out of the queue of a site.
func (t *turns) leave(site netip.Prefix, who chan struct{}) {
	rest := slices.DeleteFunc(t.waiting[site], func(c chan struct{}) bool { return c == who })
	t.waiting[site] = rest
	if len(rest) == 0 {
		delete(t.waiting, site)
		t.order = slices.DeleteFunc(t.order, func(s netip.Prefix) bool { return s == site })
	}
}

// longestTurn is when a turn that is held ends by itself: by then whoever has it waits for
// a disk, a service or a client, and needs no processor.
const longestTurn = time.Millisecond

// hold takes a turn. done ends it, unless it has ended by itself.
func (t *turns) hold(site netip.Prefix, patience time.Duration) (done func(), ok bool) {
	if !t.take(site, patience) {
		return nil, false
	}
	var once sync.Once
	give := func() { once.Do(t.give) }
	late := time.AfterFunc(longestTurn, give)
	return func() { late.Stop(); give() }, true
}

// Pace has the handshakes of a configuration wait for their turn: once the client has
// said what it wants, and after it was asked again. A turn ends when an answer is
// written, or the connection is closed: what a slow client leaves out takes nobody's turn.
func (a *Admission) Pace(c *tls.Config) {
	find := c.GetCertificate
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return nil, a.beginHandshake(hello) }
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if err := a.beginHandshake(hello); err != nil || find == nil {
			return nil, err
		}
		return find(hello)
	}
}

func (a *Admission) beginHandshake(hello *tls.ClientHelloInfo) error {
	c, ok := hello.Conn.(*clientConn)
	if !ok || c.holder.exempt || c.handshake.Load() {
		return nil
	}
	if !a.handshakes.take(siteOf(c.holder.network), a.o.Stall) {
		return errors.New("too many clients begin a connection at once")
	}
	c.handshake.Store(true)
	if c.closed.Load() { // while it waited
		c.endHandshake()
	}
	return nil
}

// Read waits for a turn once something has come. That the client has left is told at once:
// a request of its that waits is not begun then.
func (c *clientConn) Read(b []byte) (int, error) {
	c.endRead()
	n, err := c.Conn.Read(b)
	if c.holder.exempt || err != nil {
		return n, err
	}
	if done, ok := c.admission.reads.hold(siteOf(c.holder.network), c.admission.o.Stall); ok {
		c.read.Store(&done)
	}
	return n, err
}

// endRead ends the turn that Read began.
func (c *clientConn) endRead() {
	if done := c.read.Swap(nil); done != nil {
		(*done)()
	}
}

func (c *clientConn) endHandshake() {
	if c.handshake.CompareAndSwap(true, false) {
		c.admission.handshakes.give()
	}
}
