package proxy_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/proxy"
)

// door is a listener with bounds, whose connections are kept.
type door struct {
	t         *testing.T
	admission *proxy.Admission
	address   string
	accepted  chan net.Conn
}

func newDoor(t *testing.T, o proxy.AdmissionOptions) *door {
	t.Helper()
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	plain, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, admission: proxy.NewAdmission(o), accepted: make(chan net.Conn, 10_000)}
	_, port, err := net.SplitHostPort(plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d.address = net.JoinHostPort("127.0.0.1", port)
	ln := d.admission.Listen(plain)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			d.accepted <- c
		}
	}()
	return d
}

// knock connects from a loopback address and returns a connection that was admitted
// and its server's side, or nil when it was refused.
func (d *door) knock(from string) (client, server net.Conn) {
	d.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Minute}
	c, err := dialer.Dial("tcp4", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	gone := make(chan struct{})
	go func() { io.ReadFull(c, make([]byte, 1)); close(gone) }()
	for {
		select {
		case s := <-d.accepted:
			if s.RemoteAddr().String() == c.LocalAddr().String() {
				return c, s
			}
		case <-gone:
			select {
			case s := <-d.accepted: // it was admitted and is evicted already
				return c, s
			default:
				return nil, nil
			}
		}
	}
}

func alive(c net.Conn) bool {
	_, err := c.Write([]byte("x"))
	return err == nil
}

func TestOneAddressHasSoManyConnections(t *testing.T) {
	t.Parallel()
	d := newDoor(t, proxy.AdmissionOptions{Connections: 100, PerNetwork: 3, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	var first net.Conn
	for i := range 5 {
		_, s := d.knock("127.0.0.2")
		if (s != nil) != (i < 3) {
			t.Errorf("connection %d: admitted %v", i+1, s != nil)
		}
		if i == 0 {
			first = s
		}
		if _, s := d.knock("127.0.0.9"); s == nil {
			t.Error("a trusted proxy was refused")
		}
	}
	if _, s := d.knock("127.0.0.3"); s == nil {
		t.Error("another address was refused")
	}
	first.Close()
	first.Close() // counted once
	if _, s := d.knock("127.0.0.2"); s == nil {
		t.Error("after one had closed, the next was refused")
	}
	if _, s := d.knock("127.0.0.2"); s != nil {
		t.Error("closing twice made room for two")
	}
}

// When there are too many in all, the newest of the greediest goes, never somebody
// else's.
func TestTheGreediestMakesRoom(t *testing.T) {
	t.Parallel()
	d := newDoor(t, proxy.AdmissionOptions{Connections: 10, PerNetwork: 8})
	var greedy []net.Conn
	for range 7 {
		_, s := d.knock("127.0.0.2")
		greedy = append(greedy, s)
	}
	var modest []net.Conn
	for _, from := range []string{"127.0.0.3", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.4"} {
		_, s := d.knock(from)
		if s == nil {
			t.Fatalf("%s was refused while another has %d", from, len(greedy))
		}
		modest = append(modest, s)
	}
	for i, s := range greedy {
		if want := i < 4; alive(s) != want {
			t.Errorf("the greedy one's connection %d lives: %v", i+1, !want)
		}
	}
	for i, s := range modest {
		if !alive(s) {
			t.Errorf("a modest one's connection %d was closed", i+1)
		}
	}
	if _, s := d.knock("127.0.0.2"); s != nil {
		t.Error("the greediest pushed somebody out")
	}
	if n := d.admission.Open(); n != 10 {
		t.Errorf("%d are open", n)
	}
}

// TestAdmissionFollowsAModel plays random comings and goings.
func TestAdmissionFollowsAModel(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const most, each = 12, 5
	d := newDoor(t, proxy.AdmissionOptions{Connections: most, PerNetwork: each})
	held := map[string][]net.Conn{}
	all := func() (n int) {
		for _, conns := range held {
			n += len(conns)
		}
		return n
	}
	for step := range 400 {
		from := fmt.Sprintf("127.0.1.%d", 1+random.IntN(6))
		if conns := held[from]; len(conns) > 0 && random.IntN(3) == 0 {
			i := random.IntN(len(conns))
			conns[i].Close()
			held[from] = append(conns[:i:i], conns[i+1:]...)
			continue
		}
		largest := 0
		for _, conns := range held {
			largest = max(largest, len(conns))
		}
		want := len(held[from]) < each && (all() < most || largest > len(held[from])+1)
		_, s := d.knock(from)
		if (s != nil) != want {
			t.Fatalf("seed %d, step %d: %s with %d of %d, the largest %d: admitted %v", seed, step, from, len(held[from]), all(), largest, s != nil)
		}
		if s == nil {
			continue
		}
		held[from] = append(held[from], s)
		if all() > most { // find who made room
			for other, conns := range held {
				if n := len(conns); n == largest && other != from && !alive(conns[n-1]) {
					held[other] = conns[:n-1]
					break
				}
			}
		}
		if n := all(); n > most || d.admission.Open() != n {
			t.Fatalf("seed %d, step %d: %d are open, %d are known", seed, step, d.admission.Open(), n)
		}
	}
}

func TestWhatCountsAsOneClient(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1/32", "[::ffff:192.0.2.1]:80": "192.0.2.1/32", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "192.0.2.1": "192.0.2.1/32", "@": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := proxy.NetworkOf(from).String(); got != want {
			t.Errorf("%s: %s", from, got)
		}
	}
}
