package proxy

import (
	"container/list"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Admission bounds the connections of all listeners together, and those of one
// client network: an IPv4 address or the /64 of an IPv6 address. At its bound a network is
// refused its newest connection. When there are too many in all, the greediest network of
// the greediest site loses its newest one, so that whoever comes with one connection is
// always served. A site is an IPv4 address or the /48 of an IPv6 address: one customer may
// have the 65,536 networks of it, with one connection from each.
type Admission struct {
	o          AdmissionOptions
	handshakes *turns
	reads      *turns

	mu    sync.Mutex
	open  int
	holds map[netip.Prefix]*holder
	sites map[netip.Prefix]*siteHolder
	ranks ranking[*siteHolder] // by their number of connections; without the trusted
}

// AdmissionOptions configure NewAdmission. All but Trusted are required.
type AdmissionOptions struct {
	Connections int // in all
	PerNetwork  int
	Trusted     []netip.Prefix // proxies, behind each of which there are many people
	// Stall is how long one write to a client may take, and how long it may wait for a turn.
	Stall time.Duration
}

// holder is a client network with connections.
type holder struct {
	network netip.Prefix
	site    *siteHolder
	conns   *list.List // of *clientConn, the newest last
	exempt  bool
}

// siteHolder is a site with connections of networks that are not exempt.
type siteHolder struct {
	site  netip.Prefix
	conns int
	ranks ranking[*holder]
}

// NewAdmission makes an Admission without connections.
func NewAdmission(o AdmissionOptions) *Admission {
	return &Admission{o: o, handshakes: newTurns(max(1, runtime.GOMAXPROCS(0)/2)), reads: newTurns(runtime.GOMAXPROCS(0)), holds: map[netip.Prefix]*holder{}, sites: map[netip.Prefix]*siteHolder{}}
}

// Listen returns ln with the bounds.
func (a *Admission) Listen(ln net.Listener) net.Listener { return admitting{ln, a} }

// Open is the number of connections.
func (a *Admission) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

type admitting struct {
	net.Listener
	admission *Admission
}

// Accept closes what is not admitted at once: a client that is kept waiting holds a
// file descriptor too.
func (l admitting) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		admitted, evicted := l.admission.admit(c)
		if evicted != nil {
			_ = evicted.Close() // it is gone either way
		}
		if admitted != nil {
			return admitted, nil
		}
		c.Close()
	}
}

// admit returns c, or nil when it is the one that has to go, and a connection that
// has to go in its place.
func (a *Admission) admit(c net.Conn) (admitted, evicted *clientConn) {
	network := NetworkOf(c.RemoteAddr().String())
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.holder(network)
	if !h.exempt && h.conns.Len() >= a.o.PerNetwork {
		return nil, nil
	}
	if a.open >= a.o.Connections {
		greediest := a.greediest(h)
		if greediest == nil {
			return nil, nil // nobody has more than this one would have
		}
		evicted, _ = greediest.conns.Back().Value.(*clientConn)
		a.remove(evicted)
		h = a.holder(network) // its site may have gone with its last connection
	}
	admitted = &clientConn{Conn: c, admission: a, holder: h, gone: make(chan struct{})}
	a.holds[network] = h
	if !h.exempt {
		a.sites[h.site.site] = h.site
	}
	a.change(h, 1, func() { admitted.place = h.conns.PushBack(admitted) })
	return admitted, evicted
}

// holder finds the holder of a network, or makes one that is not kept yet.
func (a *Admission) holder(network netip.Prefix) *holder {
	if h, ok := a.holds[network]; ok {
		return h
	}
	h := &holder{network: network, conns: list.New(), exempt: contains(a.o.Trusted, network.Addr())}
	site := siteOf(network)
	if h.site = a.sites[site]; h.site == nil {
		h.site = &siteHolder{site: site}
	}
	return h
}

// remove takes a connection out of the counts, once.
func (a *Admission) remove(c *clientConn) {
	if c.place == nil {
		return
	}
	h := c.holder
	a.change(h, -1, func() { h.conns.Remove(c.place) })
	c.place = nil
	if h.conns.Len() == 0 {
		delete(a.holds, h.network)
	}
	if !h.exempt && h.site.conns == 0 {
		delete(a.sites, h.site.site)
	}
}

// change makes by connections more of a holder and finds the new places of it and its
// site in the rankings.
func (a *Admission) change(h *holder, by int, work func()) {
	before := h.conns.Len()
	work()
	a.open += by
	if h.exempt {
		return
	}
	h.site.ranks.move(h, before, h.conns.Len())
	a.ranks.move(h.site, h.site.conns, h.site.conns+by)
	h.site.conns += by
}

// greediest is a network that makes room for h: one of the greediest site, when that
// has more than h's would have, or the greediest of h's own site, when that has more
// than h would have. It is nil when there is none, and never a trusted one.
func (a *Admission) greediest(h *holder) *holder {
	site, ok := a.ranks.first()
	if !ok {
		return nil
	}
	if h.exempt || site.conns > h.site.conns+1 && site != h.site {
		greediest, _ := site.ranks.first()
		return greediest
	}
	if greediest, ok := h.site.ranks.first(); ok && greediest.conns.Len() > h.conns.Len()+1 {
		return greediest
	}
	return nil
}

// clientConn is a connection whose every write must end in time: a client that reads
// nothing would otherwise hold it for good. A write is at most a TLS record of 16 KiB.
type clientConn struct {
	net.Conn
	admission *Admission
	holder    *holder
	place     *list.Element          // nil once it is not counted
	deadline  atomic.Int64           // what the server set, in nanoseconds; 0 is none
	handshake atomic.Int64           // when the turn of its handshake began, in nanoseconds; 0 is none
	read      atomic.Pointer[func()] // ends the turn of what was read
	closed    atomic.Bool
	gone      chan struct{} // closed with the connection
}

func (c *clientConn) Write(b []byte) (int, error) {
	c.endHandshake()
	until := time.Now().Add(c.admission.o.Stall)
	if set := c.deadline.Load(); set != 0 && set < until.UnixNano() {
		until = time.Unix(0, set)
	}
	if err := c.Conn.SetWriteDeadline(until); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *clientConn) SetWriteDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *clientConn) SetDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetDeadline(t)
}

func (c *clientConn) note(t time.Time) {
	if t.IsZero() {
		c.deadline.Store(0)
		return
	}
	c.deadline.Store(t.UnixNano())
}

func (c *clientConn) Close() error {
	c.admission.mu.Lock()
	c.admission.remove(c)
	c.admission.mu.Unlock()
	if c.closed.CompareAndSwap(false, true) {
		close(c.gone)
	}
	c.endHandshake()
	c.endRead()
	return c.Conn.Close()
}

// NetworkOf is what counts as one client: an IPv4 address, or the /64 of an IPv6
// address, which one customer of a provider has alone. The zero Prefix is an address
// that cannot be read.
func NetworkOf(hostPort string) netip.Prefix {
	at, err := netip.ParseAddrPort(hostPort)
	address := at.Addr()
	if err != nil {
		if address, err = netip.ParseAddr(hostPort); err != nil {
			return netip.Prefix{}
		}
	}
	address = address.Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}

// siteOf is what one customer of a provider may have many networks of: the /48 of an
// IPv6 network.
func siteOf(network netip.Prefix) netip.Prefix {
	if !network.Addr().Is6() {
		return network
	}
	site, err := network.Addr().Prefix(48)
	if err != nil {
		return network
	}
	return site
}

func contains(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}
