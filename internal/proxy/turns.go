package proxy

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// turns bounds what goes on at once of work that takes processor time. Sites that wait
// take turns, so that one with thousands of connections waits for itself, and everybody
// else hardly does: a site that did not wait before goes before those that do, and then
// behind them (as the flows of RFC 8290 do). Three kinds of work do: handshakes, half as
// many at once as there are processors, since each takes half a millisecond; what came
// from a client, one for each processor; requests, four for each.
type turns struct {
	mu    sync.Mutex
	free  int
	fresh list.List // of *queue: sites that did not wait before, the first next
	order list.List // of *queue: the others, when no fresh one is left. One without anybody who waits goes when it is its turn
	sites map[netip.Prefix]*queue
	poll  *poll // before the next turn begins; nil is none
}

// queue is a site that waits.
type queue struct {
	site    netip.Prefix
	place   *list.Element
	in      *list.List
	waiting list.List // of chan struct{}, closed when it is its turn; who came first is first
}

func newTurns(n int) *turns {
	t := &turns{free: n, sites: map[netip.Prefix]*queue{}}
	t.poll = &poll{work: t.next}
	return t
}

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
		t.sites[site] = q
		q.move(&t.fresh)
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
		return false
	}
}

// move puts a site at the end of a list.
func (q *queue) move(to *list.List) {
	if q.in != nil {
		q.in.Remove(q.place)
	}
	q.place, q.in = to.PushBack(q), to
}

// give ends a turn. Where somebody may wait, the next begins when the network was looked
// at, so that whoever something has come for runs as soon.
func (t *turns) give() {
	t.mu.Lock()
	if len(t.sites) == 0 {
		t.free++
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	if t.poll != nil {
		t.poll.soon()
		return
	}
	t.next()
}

// A pause after a turn is as long as the turn, where more of the same site waits so many
// times as long, and at most longestRest: one that took long did so because others had
// the processors.
const (
	restOfSite  = 3
	longestRest = 5 * time.Millisecond
)

// rest ends a turn of a site that took so long. Where somebody waits, the next begins
// after a pause, in which the processors do what is not part of these turns: they are
// half of the time free for that, and three quarters of it where one site wants more.
func (t *turns) rest(site netip.Prefix, took time.Duration) {
	t.mu.Lock()
	anybody, q := len(t.sites) > 0, t.sites[site]
	same := q != nil && q.waiting.Len() > 0
	t.mu.Unlock()
	switch {
	case !anybody:
		t.give()
		return
	case same:
		took *= restOfSite
	}
	time.AfterFunc(min(took, longestRest), t.give)
}

// next begins the turn of the site that is to have it.
func (t *turns) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		first := t.fresh.Front()
		if first == nil {
			first = t.order.Front()
		}
		if first == nil {
			t.free++
			return
		}
		q := first.Value.(*queue)
		waits := q.waiting.Front()
		if waits == nil && q.in == &t.order {
			t.order.Remove(first)
			delete(t.sites, q.site)
			continue
		}
		q.move(&t.order)
		if waits != nil {
			close(q.waiting.Remove(waits).(chan struct{}))
			return
		}
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
	if !ok || c.holder.exempt || c.handshake.Load() != 0 {
		return nil
	}
	c.endRead() // it would be held while nothing is done
	if !a.handshakes.take(siteOf(c.holder.network), handshakePatience, c.gone) {
		return errors.New("too many clients begin a connection at once, or this one has left")
	}
	c.handshake.Store(time.Now().UnixNano())
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

// connKey is where the context of a request has the connection that it came on.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// endReadOf ends the turn of the connection that a request came on: the request has one
// of its own.
func endReadOf(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*clientConn); ok {
		c.endRead()
	}
}

// endRead ends the turn that Read began.
func (c *clientConn) endRead() {
	if done := c.read.Swap(nil); done != nil {
		(*done)()
	}
}

func (c *clientConn) endHandshake() {
	if began := c.handshake.Swap(0); began != 0 {
		c.admission.handshakes.rest(siteOf(c.holder.network), time.Duration(time.Now().UnixNano()-began))
	}
}
