package proxy

import (
	"container/list"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// turns bounds what goes on at once of work that takes processor time. Sites that wait
// take turns, so that one with thousands of connections waits for itself, and everybody
// else for tens of milliseconds. Three kinds of work do: handshakes, half as many at once as
// there are processors, since each takes half a millisecond; what came from a client, one
// for each processor; requests, four for each. With more at once the processors are never
// idle, and Go looks for what else has come only every ten milliseconds then.
type turns struct {
	mu    sync.Mutex
	free  int
	order list.List // of *queue, the one whose turn is next first
	sites map[netip.Prefix]*queue
}

// queue is a site that waits.
type queue struct {
	site    netip.Prefix
	place   *list.Element
	waiting list.List // of chan struct{}, closed when it is its turn; who came first is first
}

func newTurns(n int) *turns { return &turns{free: n, sites: map[netip.Prefix]*queue{}} }

// take waits for a turn, and reports whether it came in time and before gone was closed.
// It is given back by give.
func (t *turns) take(site netip.Prefix, patience time.Duration, gone <-chan struct{}) bool {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return true
	}
	q := t.sites[site]
	if q == nil {
		q = &queue{site: site}
		q.place = t.order.PushBack(q)
		t.sites[site] = q
	}
	mine := make(chan struct{})
	place := q.waiting.PushBack(mine)
	t.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-mine:
		return true
	case <-late.C:
	case <-gone:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // meanwhile
		return true
	default:
		q.waiting.Remove(place)
		t.tidy(q)
		return false
	}
}

// give ends a turn, and begins that of the site that waits longest.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.order.Front()
	if first == nil {
		t.free++
		return
	}
	q := first.Value.(*queue)
	close(q.waiting.Remove(q.waiting.Front()).(chan struct{}))
	t.order.MoveToBack(first)
	t.tidy(q)
}

// tidy forgets a site of which nobody waits.
func (t *turns) tidy(q *queue) {
	if q.waiting.Len() == 0 {
		t.order.Remove(q.place)
		delete(t.sites, q.site)
	}
}

// longestTurn is when a turn that is held ends by itself: by then whoever has it waits for
// a disk, a service or a client, and needs no processor.
const longestTurn = time.Millisecond

// hold takes a turn. done ends it, unless it has ended by itself.
func (t *turns) hold(site netip.Prefix, patience time.Duration, gone <-chan struct{}) (done func(), ok bool) {
	if !t.take(site, patience, gone) {
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

// handshakePatience is how long a handshake waits for its turn: less than it may take in all.
const handshakePatience = 5 * time.Second

func (a *Admission) beginHandshake(hello *tls.ClientHelloInfo) error {
	c, ok := hello.Conn.(*clientConn)
	if !ok || c.holder.exempt || c.handshake.Load() {
		return nil
	}
	c.endRead() // it would be held while nothing is done
	if !a.handshakes.take(siteOf(c.holder.network), handshakePatience, c.gone) {
		return errors.New("too many clients begin a connection at once, or this one has left")
	}
	c.handshake.Store(true)
	if c.closed.Load() { // while it waited: nobody needs the rest
		c.endHandshake()
		return net.ErrClosed
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
	done, ok := c.admission.reads.hold(siteOf(c.holder.network), c.admission.o.Stall, c.gone)
	if ok {
		c.read.Store(&done)
	}
	if c.closed.Load() { // to make room for others
		c.endRead()
		return 0, net.ErrClosed
	}
	return n, nil
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
