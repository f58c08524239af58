package proxy_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/proxy"
)

// fuzzSite is a proxy on plain TCP, without the cost of TLS, and what is wrong with the
// requests that reached its API.
type fuzzSite struct {
	address string

	mu     sync.Mutex
	seen   int
	wrong  []string
	panics []string
}

func newFuzzSite(f *testing.F) *fuzzSite {
	f.Helper()
	dir, err := os.MkdirTemp("", "px")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	s := &fuzzSite{}
	serve := func(ln net.Listener, server *http.Server) {
		done := make(chan struct{})
		go func() { server.Serve(ln); close(done) }()
		f.Cleanup(func() { server.Close(); <-done })
	}
	for name, h := range map[string]http.HandlerFunc{"api": s.api, "web": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "dashboard") }} {
		ln, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		serve(ln, &http.Server{Handler: h})
	}
	c := config.Proxy{BodyLimitMiB: 1, HeaderTimeoutS: 30, ConnectionsPerAddress: 512}
	quiet := slog.New(slog.DiscardHandler)
	p, err := proxy.New(proxy.Options{API: filepath.Join(dir, "api"), Dashboard: filepath.Join(dir, "web"), Proxy: c, Log: quiet})
	if err != nil {
		f.Fatal(err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	s.address = ln.Addr().String()
	server := proxy.NewServer(p, c, quiet)
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			reason := recover()
			if reason != nil && reason != http.ErrAbortHandler {
				s.note(&s.panics, fmt.Sprint(reason))
			}
			if reason != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		p.ServeHTTP(w, r)
	})
	serve(ln, server)
	return s
}

func (s *fuzzSite) note(to *[]string, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*to = append(*to, what)
}

var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)

// api checks what the services rely on.
func (s *fuzzSite) api(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen++
	s.mu.Unlock()
	h := r.Header
	path := r.URL.Path
	ours := strings.HasPrefix(path, "/api/") || slices.Contains([]string{"/health", "/livez", "/readyz"}, path) ||
		slices.Contains([]string{"/widget.js", "/widget.mjs", "/widget.d.ts", "/widget.js.map", "/widget.mjs.map"}, path) ||
		strings.HasPrefix(path, "/widget-") || strings.HasPrefix(path, "/widget/")
	if !ours || !strings.HasPrefix(r.RequestURI, "/") || strings.IndexByte(path, 0) >= 0 {
		s.note(&s.wrong, "the path "+r.RequestURI)
	}
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"} {
		if got := h[name]; len(got) != 1 || got[0] != want {
			s.note(&s.wrong, fmt.Sprintf("%s: %q", name, got))
		}
	}
	if id := h["X-Request-Id"]; len(id) != 1 || !plainID.MatchString(id[0]) {
		s.note(&s.wrong, fmt.Sprintf("the request id %q", id))
	}
	for _, name := range []string{"Forwarded", "X-Real-Ip", "Te", "Upgrade", "Trailer", "Connection", "Proxy-Connection", "Proxy-Authorization", "Expect"} {
		if got := h[name]; len(got) > 0 {
			s.note(&s.wrong, fmt.Sprintf("%s: %q", name, got))
		}
	}
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		s.note(&s.wrong, "the method "+r.Method)
	}
	n, err := io.Copy(io.Discard, r.Body)
	if n > 1<<20+1 {
		s.note(&s.wrong, fmt.Sprintf("a body of %d bytes: %v", n, err))
	}
}

var statusLine = regexp.MustCompile(`(?m)^HTTP/1\.[01] (\d{3}) `)

// FuzzRequest sends any request line, headers and body. What reaches the API is what
// the API relies on, nothing panics, and nothing is our fault.
func FuzzRequest(f *testing.F) {
	s := newFuzzSite(f)
	f.Cleanup(func() { f.Logf("%d requests reached the API", s.seen) })
	const host = "Host: bugs.test\r\n"
	for _, seed := range [][3]string{
		{"GET /api/v1/projects HTTP/1.1", host, ""},
		{"POST /api/v1/reports HTTP/1.1", host + "Content-Length: 3\r\n", "abc"},
		{"POST /api/v1/reports HTTP/1.1", host + "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n"},
		{"POST /api/x HTTP/1.1", host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"GET /health HTTP/1.0", "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n", ""},
		{"GET /api/x HTTP/1.1", host + "Connection: close, X-Forwarded-For, X-Request-Id\r\nX-Request-Id: abc def\r\n", ""},
		{"GET http://evil.test/api/x HTTP/1.1", host, ""},
		{"GET //api/../health%2f HTTP/1.1", host + "TE: trailers\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n", ""},
		{"OPTIONS * HTTP/1.1", host, ""}, {"CONNECT a:1 HTTP/1.1", host, ""}, {"GET /widget/.js HTTP/1.1", host + "Expect: 100-continue\r\n", ""},
		{"PRI * HTTP/2.0", "", "SM\r\n\r\n"}, {"GET /api/\x00 HTTP/1.1", host, ""}, {"GET /api/x?%00=\x7f HTTP/1.1", host + "X_Forwarded_For: 1\r\nx-forwarded-for : 2\r\n", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, line, headers, body string) {
		c, err := net.Dial("tcp4", s.address)
		if err != nil {
			t.Skip(err) // out of ports for the moment
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(c, "%s\r\n%s\r\n%s", line, headers, body)
		// Whoever closes its side has left, so that comes after the first byte of the answer,
		// or when there is none because the request is not complete.
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		first := make([]byte, 1)
		n, _ := c.Read(first)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			return
		}
		answer, _ := io.ReadAll(c)
		answer = append(first[:n], answer...)
		for _, m := range statusLine.FindAllSubmatch(answer, -1) {
			if code := string(m[1]); code >= "500" && code != "501" && code != "505" {
				t.Errorf("answered %.300s", answer)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.wrong)+len(s.panics) > 0 {
			t.Errorf("reached the API: %q; panics: %q", s.wrong, s.panics)
			s.wrong, s.panics = nil, nil
		}
	})
}
