package proxy_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/bugspark/bugspark/internal/config"
)

// impatience is a short StallTimeout; patience is longer than it on a loaded machine.
const (
	impatience = 2 * time.Second
	patience   = time.Minute
)

// endless is an API whose answers never end, and which tells when nobody takes them.
func endless(ended chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		defer func() { ended <- struct{}{} }()
		for block := bytes.Repeat([]byte("x"), 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

func (s *site) dial(t *testing.T, protocol string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func wait(t *testing.T, ended <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Errorf("%s held its connection for %s", what, patience)
	}
}

func TestAClientThatReadsNothingIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	s := newImpatientSite(t, config.Proxy{}, impatience, endless(ended))
	c := s.dial(t, "http/1.1")
	fmt.Fprint(c, "GET /api/big HTTP/1.1\r\nHost: x\r\n\r\n")
	wait(t, ended, "a client that reads nothing")
}

func TestAClientThatReadsByDropsIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	s := newImpatientSite(t, config.Proxy{}, impatience, endless(ended))
	c := s.dial(t, "http/1.1")
	fmt.Fprint(c, "GET /api/big HTTP/1.1\r\nHost: x\r\n\r\n")
	go func() {
		for drop := make([]byte, 16); ; time.Sleep(100 * time.Millisecond) {
			if _, err := c.NetConn().Read(drop); err != nil { // below TLS, which would read a whole record
				return
			}
		}
	}()
	wait(t, ended, "a client that reads 160 bytes a second")
}

// A stream whose window is never opened blocks no write of the connection.
func TestAStreamWithAClosedWindowIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	s := newImpatientSite(t, config.Proxy{}, impatience, endless(ended))
	c := s.dial(t, "h2")
	io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/api/big"}} {
		encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	go func() { // it answers pings, so it is not away
		for {
			f, err := framer.ReadFrame()
			if err != nil {
				return
			}
			switch f := f.(type) {
			case *http2.SettingsFrame:
				if !f.IsAck() {
					framer.WriteSettingsAck()
				}
			case *http2.PingFrame:
				framer.WritePing(true, f.Data)
			}
		}
	}()
	wait(t, ended, "a stream with a closed window")
}

func TestABodyThatComesByDropsIsCutOff(t *testing.T) {
	t.Parallel()
	for _, size := range []int{60 << 10, 1 << 20} { // read whole before it is forwarded, and passed on
		s := newImpatientSite(t, config.Proxy{}, impatience, ok)
		c := s.dial(t, "http/1.1")
		fmt.Fprintf(c, "POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for range int(patience / (100 * time.Millisecond)) {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		c.SetReadDeadline(time.Now().Add(patience))
		answer, err := io.ReadAll(c)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("a body of %d at ten bytes a second was waited for", size)
		}
		if code := status(string(answer)); code != http.StatusRequestTimeout && code != 0 {
			t.Errorf("answered %s", answer)
		}
		c.Close()
		<-stop
	}
}

// The deadlines move: what takes several times the time of one window arrives whole.
func TestSlowLinesArePatientlyServed(t *testing.T) {
	t.Parallel()
	const stall, size = 20 * time.Second, 600 << 10
	s := newImpatientSite(t, config.Proxy{}, stall, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != size {
			w.WriteHeader(http.StatusBadRequest)
		}
		io.WriteString(w, strings.Repeat("y", size))
	})
	c := s.dial(t, "http/1.1")
	fmt.Fprintf(c, "POST /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", size)
	for range size / (16 << 10) / 2 { // half of it in pieces, for longer than one window may take
		if _, err := c.Write(make([]byte, 32<<10)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * stall / (size / (32 << 10)))
	}
	if rest := size % (32 << 10); rest > 0 {
		c.Write(make([]byte, rest))
	}
	c.SetReadDeadline(time.Now().Add(2 * patience))
	var answer []byte
	for piece := make([]byte, 32<<10); ; time.Sleep(time.Second) {
		n, err := c.Read(piece)
		answer = append(answer, piece[:n]...)
		if err != nil {
			break
		}
	}
	if code := status(string(answer)); code != http.StatusOK || len(answer) < size {
		t.Errorf("%d of %d bytes: %.200s", len(answer), size, answer)
	}
}

func TestOneAddressHasSoManyRequestsUnderWay(t *testing.T) {
	t.Parallel()
	release, begun := make(chan struct{}), make(chan struct{}, 100)
	s := newSite(t, config.Proxy{ConnectionsPerAddress: 16, Trusted: []string{"127.0.0.0/8"}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/slow" {
			begun <- struct{}{}
			<-release
		}
	})
	done := make(chan int, 100)
	ask := func(path, from string) int {
		resp, _ := get(t, s, path, "X-Forwarded-For", from)
		return resp.StatusCode
	}
	for range 16 {
		go func() { done <- ask("/api/slow", "192.0.2.1") }()
		<-begun
	}
	if code := ask("/api/x", "192.0.2.1"); code != http.StatusTooManyRequests {
		t.Errorf("the seventeenth is answered %d", code)
	}
	if code := ask("/api/x", "192.0.2.2"); code != http.StatusOK {
		t.Errorf("another address is answered %d", code)
	}
	close(release)
	for range 16 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("one of sixteen is answered %d", code)
		}
	}
	if code := ask("/api/x", "192.0.2.1"); code != http.StatusOK {
		t.Errorf("afterwards it is answered %d", code)
	}
}

// A client that closes its own side has left, as far as anybody can tell. It must not
// hear that its report arrived when nobody took it.
func TestNothingIsAcknowledgedThatWasNotTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // it never comes to taking it
		w.WriteHeader(http.StatusInternalServerError)
	})
	if answer := s.half(t, "POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"); status(answer) != 0 {
		t.Errorf("answered %s", answer)
	}
}

// Handshakes take turns, and whoever leaves one out, breaks it off or is asked again
// keeps it from nobody.
func TestAHandshakeThatIsLeftOutTakesNobodysTurn(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") })
	hello := func(leave bool) {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		half := tls.Client(halfConn{c, leave}, &tls.Config{InsecureSkipVerify: true})
		if err := half.Handshake(); err == nil {
			t.Error("the handshake went through")
		}
	}
	for i := range 20 {
		hello(i%2 == 0)
	}
	for _, curves := range [][]tls.CurveID{nil, {tls.CurveP521}, {tls.CurveP256, tls.X25519}} {
		c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, CurvePreferences: curves})
		if err != nil {
			t.Fatalf("%v: %v", curves, err)
		}
		c.Close()
	}
}

// halfConn sends what the client says and hears no answer; it may close as well.
type halfConn struct {
	net.Conn
	leave bool
}

func (c halfConn) Read([]byte) (int, error) {
	if c.leave {
		c.Conn.Close()
	}
	return 0, io.EOF
}
