package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/proxy"
)

// site is the proxy with two services of the test's behind it.
type site struct {
	*httptest.Server
	dir string

	mu   sync.Mutex
	seen []*http.Request // what reached the API
}

// newSite starts a proxy whose API is h; the dashboard answers "dashboard".
func newSite(t *testing.T, c config.Proxy, h http.HandlerFunc) *site {
	t.Helper()
	return newImpatientSite(t, c, 0, h)
}

// newImpatientSite is newSite with another StallTimeout.
func newImpatientSite(t *testing.T, c config.Proxy, stall time.Duration, h http.HandlerFunc) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "px")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{dir: dir}
	if h != nil {
		serveUnix(t, filepath.Join(dir, "api"), func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.seen = append(s.seen, r.Clone(r.Context()))
			s.mu.Unlock()
			h(w, r)
		})
	}
	serveUnix(t, filepath.Join(dir, "web"), func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "dashboard") })
	if c.BodyLimitMiB == 0 {
		c.BodyLimitMiB = 12
	}
	if c.ConnectionsPerAddress == 0 {
		c.ConnectionsPerAddress = 512
	}
	if c.HeaderTimeoutS == 0 {
		c.HeaderTimeoutS = 10
	}
	p, err := proxy.New(proxy.Options{
		Stall:  stall,
		Server: config.Server{Name: "bugs.test", HTTPPort: 80, HTTPSPort: 443}, Proxy: c,
		API: filepath.Join(dir, "api"), Dashboard: filepath.Join(dir, "web"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(p)
	s.Config = proxy.NewServer(p, c, slog.New(slog.DiscardHandler))
	if stall == 0 {
		stall = proxy.StallTimeout
	}
	admission := proxy.NewAdmission(proxy.AdmissionOptions{Connections: 1000, PerNetwork: c.ConnectionsPerAddress, Stall: stall})
	s.Listener = admission.Listen(s.Listener)
	s.TLS = &tls.Config{}
	admission.Pace(s.TLS)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func serveUnix(t *testing.T, path string, h http.HandlerFunc) *http.Server {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { server.Serve(ln); close(done) }()
	t.Cleanup(func() { server.Close(); <-done })
	return server
}

// last is the newest request that reached the API.
func (s *site) last(t *testing.T) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		t.Fatal("nothing reached the API")
	}
	return s.seen[len(s.seen)-1]
}

func (s *site) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// raw sends bytes as they are over TLS and returns the whole answer.
func (s *site) raw(t *testing.T, text string) string {
	t.Helper()
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil && len(answer) == 0 {
		return ""
	}
	return string(answer)
}

// status is the status of a raw answer, 0 when the connection was just closed.
func status(answer string) int {
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func ok(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.RequestURI(), n)
}

// half sends a request and hangs up its own side before it is complete.
func (s *site) half(t *testing.T, text string) string {
	t.Helper()
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(c)
	return string(answer)
}
