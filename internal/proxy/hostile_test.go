package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// TestHostileRequests sends what no browser would. None may reach the API as
// something else than it was, and none may be called our fault (501 and 505 are
// the client's).
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	const host = "Host: bugs.test\r\nConnection: close\r\n"
	for _, tc := range []struct {
		name, text string
		reach      bool // may it reach the API?
	}{
		{"two lengths", "POST /api/x HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", false},
		{"length and chunks", "POST /api/x HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"unknown encoding", "POST /api/x HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", false},
		{"chunked twice", "POST /api/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"negative length", "POST /api/x HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", false},
		{"huge length", "POST /api/x HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", false},
		{"broken chunk", "POST /api/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", true},
		{"NUL in the path", "GET /api/%00 HTTP/1.1\r\n" + host + "\r\n", false},
		{"raw NUL", "GET /api/\x00 HTTP/1.1\r\n" + host + "\r\n", false},
		{"CONNECT", "CONNECT example.org:443 HTTP/1.1\r\n" + host + "\r\n", false},
		{"TRACE", "TRACE /api/x HTTP/1.1\r\n" + host + "\r\n", false},
		{"websocket", "GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false},
		{"no host", "GET /api/x HTTP/1.1\r\nConnection: close\r\n\r\n", false},
		{"header without a name", "GET /api/x HTTP/1.1\r\n" + host + ": x\r\n\r\n", false},
		{"space before the colon", "GET /api/x HTTP/1.1\r\n" + host + "X-A : b\r\n\r\n", false},
		{"folded header", "GET /api/x HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n\r\n", true},
		{"a megabyte of headers", "GET /api/x HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", false},
		{"not HTTP", "hello\r\n\r\n", false},
		{"HTTP/9", "GET /api/x HTTP/9.9\r\n" + host + "\r\n", false},
		{"truncated body", "POST /api/x HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\nabc", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, config.Proxy{}, ok)
			answer := ""
			if tc.name == "truncated body" {
				answer = s.half(t, tc.text)
			} else {
				answer = s.raw(t, tc.text)
			}
			code := status(answer)
			if code >= 500 && code != http.StatusNotImplemented && code != http.StatusHTTPVersionNotSupported {
				t.Errorf("answered %s", answer)
			}
			if reached := s.count() > 0; reached && !tc.reach {
				t.Errorf("it reached the API as %s %s, answered %d", s.last(t).Method, s.last(t).URL, code)
			}
			if s.count() > 1 {
				t.Error("one request became two")
			}
		})
	}
}

// TestPathTricksStayPaths proves that the service sees the path the proxy
// routed by, so that nothing meant for one service reaches another.
func TestPathTricksStayPaths(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, ok)
	for _, path := range []string{"/api/../health", "/api/%2e%2e/x", "//api/x", "/api//x", "/api/x%2fy", "/api/x;/../y", `/api/\..\x`} {
		answer := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if code := status(answer); code >= 500 || code == 0 {
			t.Errorf("%s: %s", path, answer)
		}
		s.mu.Lock()
		for _, r := range s.seen {
			if !strings.HasPrefix(r.RequestURI, "/api/") {
				t.Errorf("%s reached the API as %s", path, r.RequestURI)
			}
		}
		s.seen = nil
		s.mu.Unlock()
	}
}

func TestAbsoluteFormIsTakenForItsPath(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, ok)
	answer := s.raw(t, "GET http://evil.test/api/x HTTP/1.1\r\nHost: bugs.test\r\nConnection: close\r\n\r\n")
	if status(answer) != http.StatusOK || s.last(t).URL.Path != "/api/x" {
		t.Errorf("%s as %s", answer, s.last(t).URL)
	}
}
