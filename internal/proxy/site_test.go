package proxy_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/proxy"
)

// gate is an Admission in front of connections from addresses that the loopback
// interface does not have.
type gate struct {
	net.Listener
	admission *proxy.Admission
	waiting   []net.Conn
}

type distant struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (d *distant) RemoteAddr() net.Addr { return d.from }
func (d *distant) Close() error         { d.closed = true; return nil }

func (g *gate) Accept() (net.Conn, error) {
	if len(g.waiting) == 0 {
		return nil, io.EOF
	}
	c := g.waiting[0]
	g.waiting = g.waiting[1:]
	return c, nil
}

func newGate(o proxy.AdmissionOptions) *gate {
	o.Stall = time.Minute
	return &gate{admission: proxy.NewAdmission(o)}
}

// knock returns the client's side, and the server's, nil when it was refused.
func (g *gate) knock(from string) (*distant, net.Conn) {
	d := &distant{from: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 4000))}
	g.waiting = append(g.waiting, d)
	c, err := g.admission.Listen(g).Accept()
	if err != nil {
		return d, nil
	}
	return d, c
}

// One stranger with an IPv6 /48 has 65,536 networks, and one connection from each is
// modest for a network.
func TestOneSiteMakesRoomForEverybody(t *testing.T) {
	t.Parallel()
	g := newGate(proxy.AdmissionOptions{Connections: 1000, PerNetwork: 512})
	var site []*distant
	for i := range 1000 {
		d, c := g.knock(fmt.Sprintf("2001:db8:1:%x::1", i))
		if c == nil {
			t.Fatalf("connection %d was refused", i+1)
		}
		site = append(site, d)
	}
	for _, from := range []string{"192.0.2.7", "203.0.113.9", "2a02:1::1", "2001:db8:2::1", "192.0.2.7"} {
		if _, c := g.knock(from); c == nil {
			t.Errorf("%s was refused, one site has nearly everything", from)
		}
	}
	closed := 0
	for _, d := range site {
		if d.closed {
			closed++
		}
	}
	if n := g.admission.Open(); closed != 5 || n != 1000 {
		t.Errorf("the site lost %d connections, %d are open", closed, n)
	}
	if _, c := g.knock("2001:db8:1:ffff::1"); c != nil {
		t.Error("the greediest site pushed somebody out")
	}
}

// Inside of a site its greediest network makes room.
func TestNeighboursOfAGreedyNetworkAreServed(t *testing.T) {
	t.Parallel()
	g := newGate(proxy.AdmissionOptions{Connections: 100, PerNetwork: 512})
	var neighbours, greedy []*distant
	for i := range 10 {
		d, _ := g.knock(fmt.Sprintf("2001:db8:1:%x::1", i+1))
		neighbours = append(neighbours, d)
	}
	for range 90 {
		d, _ := g.knock("2001:db8:1::1")
		greedy = append(greedy, d)
	}
	for _, from := range []string{"2001:db8:1:99::1", "192.0.2.7"} {
		if _, c := g.knock(from); c == nil {
			t.Errorf("%s was refused", from)
		}
	}
	for i, d := range neighbours {
		if d.closed {
			t.Errorf("neighbour %d made room", i+1)
		}
	}
	if !greedy[89].closed || !greedy[88].closed || greedy[87].closed {
		t.Error("not the newest two of the greedy network made room")
	}
}

// TestSitesFollowAModel plays random comings and goings of networks of several sites.
func TestSitesFollowAModel(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const most, each = 14, 5
	g := newGate(proxy.AdmissionOptions{Connections: most, PerNetwork: each})
	type held struct {
		network, site string
		d             *distant
		c             net.Conn
	}
	var open []held
	count := func() (networks, sites map[string]int) {
		networks, sites = map[string]int{}, map[string]int{}
		for _, h := range open {
			networks[h.network]++
			sites[h.site]++
		}
		return networks, sites
	}
	for step := range 3000 {
		if len(open) > 0 && random.IntN(4) == 0 {
			i := random.IntN(len(open))
			open[i].c.Close()
			open = append(open[:i:i], open[i+1:]...)
			continue
		}
		s := random.IntN(4)
		site, from := fmt.Sprint("v6 ", s), fmt.Sprintf("2001:db8:%d:%d::1", s, random.IntN(4))
		if s == 3 {
			from = fmt.Sprintf("192.0.2.%d", random.IntN(3))
			site = from
		}
		networks, sites := count()
		largest, neighbour := 0, 0
		for _, n := range sites {
			largest = max(largest, n)
		}
		for _, h := range open {
			if h.site == site {
				neighbour = max(neighbour, networks[h.network])
			}
		}
		room := len(open) < most
		others, own := largest > sites[site]+1, neighbour > networks[from]+1
		want := networks[from] < each && (room || others || own)
		d, c := g.knock(from)
		if (c != nil) != want {
			t.Fatalf("seed %d, step %d: %s with %d, its site %d, the largest %d, a neighbour %d: admitted %v", seed, step, from, networks[from], sites[site], largest, neighbour, c != nil)
		}
		if c == nil {
			continue
		}
		gone := -1
		for i, h := range open {
			if h.d.closed {
				if gone >= 0 {
					t.Fatalf("seed %d, step %d: two made room", seed, step)
				}
				gone = i
			}
		}
		if (gone >= 0) == room {
			t.Fatalf("seed %d, step %d: room %v, made room %v", seed, step, room, gone >= 0)
		}
		if gone >= 0 {
			h := open[gone]
			if others && sites[h.site] != largest || !others && (h.site != site || networks[h.network] != neighbour) {
				t.Fatalf("seed %d, step %d: %s of %d made room for %s", seed, step, h.network, networks[h.network], from)
			}
			for _, later := range open[gone+1:] {
				if later.network == h.network {
					t.Fatalf("seed %d, step %d: not the newest made room", seed, step)
				}
			}
			open = append(open[:gone:gone], open[gone+1:]...)
		}
		open = append(open, held{from, site, d, c})
		if g.admission.Open() != len(open) {
			t.Fatalf("seed %d, step %d: %d are open, %d are known", seed, step, g.admission.Open(), len(open))
		}
	}
}

// Requests that wait for a service keep nobody's from being begun, whoever sent them.
func TestRequestsThatWaitTakeNobodysTurn(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{}, 200)
	s := newSite(t, config.Proxy{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/wait" {
			waiting <- struct{}{}
			<-r.Context().Done()
		}
	})
	for range cap(waiting) {
		c := s.dial(t, "http/1.1")
		fmt.Fprint(c, "GET /api/wait HTTP/1.1\r\nHost: bugs.test\r\n\r\n")
	}
	for range cap(waiting) {
		select {
		case <-waiting:
		case <-time.After(time.Minute):
			t.Fatal("not every request was begun")
		}
	}
	if resp, err := s.Client().Get(s.URL + "/api/other"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("another request: %v, %v", resp, err)
	}
}
