package proxy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/proxy"
)

func get(t *testing.T, s *site, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return send(t, s, http.MethodGet, path, nil, header...)
}

func send(t *testing.T, s *site, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func TestPathsGoToTheirService(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, ok)
	for path, want := range map[string]string{
		"/api/v1/reports?page=2": "GET /api/v1/reports?page=2 0", "/health": "GET /health 0", "/readyz": "GET /readyz 0",
		"/widget.js": "GET /widget.js 0", "/widget.mjs": "GET /widget.mjs 0", "/widget.d.ts": "GET /widget.d.ts 0", "/widget.js.map": "GET /widget.js.map 0",
		"/widget.mjs.map": "GET /widget.mjs.map 0", "/widget-0.1.0.js": "GET /widget-0.1.0.js 0", "/widget/form-1a2b.js": "GET /widget/form-1a2b.js 0", "/widget/demo": "GET /widget/demo 0",
		"/": "dashboard", "/reports/12": "dashboard", "/apiary": "dashboard", "/healthy": "dashboard",
		"/bugs": "dashboard", "/sign-in?next=%2Fwidget%2Fdemo": "dashboard", "/assets/widget.js": "dashboard", "/index.html": "dashboard", "/theme.js": "dashboard", "/favicon.svg": "dashboard",
		"/widget": "dashboard", "/widgets": "dashboard", "/widget.css": "dashboard", "/widgets.js": "dashboard", "/bugs/widget/x": "dashboard",
	} {
		if resp, body := get(t, s, path); body != want || resp.StatusCode != 200 {
			t.Errorf("%s: %s %q, want %q", path, resp.Status, body, want)
		}
	}
}

func TestOnlyWeSayWhereARequestComesFrom(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, ok)
	resp, _ := get(t, s, "/health", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "http", "Forwarded", "for=6.6.6.6",
		"X-Real-Ip", "6.6.6.6", "X-Request-Id", "bad id\u0021 with spaces")
	h := s.last(t).Header
	if h.Get("X-Forwarded-For") != "127.0.0.1" || h.Get("X-Forwarded-Proto") != "https" || h.Get("Forwarded") != "" || h.Get("X-Real-Ip") != "" {
		t.Errorf("forwarded: %v", h)
	}
	if id := h.Get("X-Request-Id"); len(id) != 36 || resp.Header.Get("X-Request-Id") != id {
		t.Errorf("request id %q, answered %q", id, resp.Header.Get("X-Request-Id"))
	}
	if agent, there := h["User-Agent"]; !there || agent[0] != "Go-http-client/2.0" {
		t.Errorf("user agent %v", agent)
	}
	s.raw(t, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close, X-Api-Key\r\nX-Api-Key: secret\r\n\r\n")
	h = s.last(t).Header
	if h.Get("X-Api-Key") != "" {
		t.Error("a header named by Connection was passed on")
	}
	if agent := h["User-Agent"]; len(agent) > 0 && agent[0] != "" {
		t.Errorf("we named ourselves %v", agent)
	}
}

func TestATrustedProxyIsBelieved(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{Trusted: []string{"127.0.0.0/8", "10.0.0.0/8"}}, ok)
	for line, want := range map[string]string{
		"203.0.113.9":                     "203.0.113.9",
		"6.6.6.6, 203.0.113.9, 10.1.2.3":  "203.0.113.9", // what the client claims itself stands left
		"10.1.2.3":                        "10.1.2.3",
		"nonsense":                        "127.0.0.1",
		"203.0.113.9, nonsense, 10.1.2.3": "127.0.0.1",
	} {
		get(t, s, "/health", "X-Forwarded-For", line)
		if got := s.last(t).Header.Get("X-Forwarded-For"); got != want {
			t.Errorf("%q became %q, want %q", line, got, want)
		}
	}
}

func TestLargeBodiesStreamAndTooLargeOnesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{BodyLimitMiB: 2}, ok)
	if _, body := send(t, s, "POST", "/api/x", bytes.NewReader(make([]byte, 2<<20))); body != "POST /api/x 2097152" {
		t.Errorf("got %q", body)
	}
	before := s.count()
	resp, body := send(t, s, "POST", "/api/x", bytes.NewReader(make([]byte, 2<<20+1)))
	if resp.StatusCode != 413 || !strings.Contains(body, `"detail"`) || s.count() != before {
		t.Errorf("%s %s", resp.Status, body)
	}
	// Without a length the limit is met on the way.
	resp, _ = send(t, s, "POST", "/api/x", io.LimitReader(zeros{}, 3<<20))
	if resp.StatusCode != 413 {
		t.Errorf("chunked: %s", resp.Status)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAnAnswerBeforeTheBodyIsReadArrives(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, `{"detail":"too large"}`, 413)
	})
	for range 20 {
		if resp, body := send(t, s, "POST", "/api/x", bytes.NewReader(make([]byte, 5<<20))); resp.StatusCode != 413 {
			t.Fatalf("%s %s", resp.Status, body)
		}
	}
}

func TestHeadNoContentAndEventStreams(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newSite(t, config.Proxy{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/none":
			w.WriteHeader(204)
		case "/api/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-release
		default:
			ok(w, r)
		}
	})
	if resp, body := send(t, s, "HEAD", "/api/x", nil); resp.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %s %q", resp.Status, body)
	}
	if resp, _ := get(t, s, "/api/none"); resp.StatusCode != 204 {
		t.Errorf("204: %s", resp.Status)
	}
	resp, err := s.Client().Get(s.URL + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 9)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: 1\n\n" {
		t.Errorf("the first event did not arrive before the second: %q %v", first, err)
	}
	close(release)
	resp.Body.Close()
}

func TestAVisitorWhoLeavesFreesTheService(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	s := newSite(t, config.Proxy{}, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(left)
	})
	client := s.Client()
	client.Timeout = 200 * time.Millisecond
	if _, err := client.Get(s.URL + "/api/x"); err == nil {
		t.Error("there was an answer")
	}
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("the service was not told that the visitor left")
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, nil)
	resp, body := get(t, s, "/api/v1/reports", "Origin", "https://shop.test")
	var answer struct{ Detail string }
	if json.Unmarshal([]byte(body), &answer) != nil || resp.StatusCode != 503 || answer.Detail == "" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "https://shop.test" {
		t.Error("a widget could not see the status")
	}
	if resp, body := get(t, s, "/widget.js", "Origin", "https://shop.test", "Accept", "text/html"); resp.StatusCode != 503 || !strings.Contains(body, `"detail"`) ||
		resp.Header.Get("Access-Control-Allow-Origin") != "https://shop.test" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the widget's script: %s %s", resp.Status, body)
	}
	// The dashboard runs, and would show errors only; its files go on being served.
	if resp, body := get(t, s, "/assets/index.js", "Accept", "*/*"); resp.StatusCode != 200 || body != "dashboard" {
		t.Errorf("a file of the dashboard's: %s %s", resp.Status, body)
	}
	resp, body = get(t, s, "/", "Accept", "text/html")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("nobody is told when to look again")
	}
	if resp.StatusCode != 503 || !strings.Contains(body, "Back in a moment") || strings.Contains(body, "://") {
		t.Errorf("%s %s", resp.Status, body)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)[1]
	sum := sha256.Sum256([]byte(style))
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), base64.StdEncoding.EncodeToString(sum[:])) {
		t.Error("the policy does not allow the page's own style")
	}
}

// A browser asks before it lets the widget send a report. If it were refused, the
// widget could not tell a server that is being maintained from one that is none.
func TestTheWidgetIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{}, nil)
	ask := func(method, path string) *http.Response {
		r, err := http.NewRequest(method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://shop.test")
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "content-type,x-api-key")
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	if r := ask(http.MethodOptions, "/api/v1/reports"); r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") != "https://shop.test" ||
		!strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "X-API-Key") || r.Header.Get("Access-Control-Max-Age") != "0" {
		t.Errorf("the browser's question: %s %v", r.Status, r.Header)
	}
	if r := ask(http.MethodPost, "/api/v1/reports"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("the report: %s %v", r.Status, r.Header)
	}
	if r := ask(http.MethodOptions, "/api/v1/projects"); r.StatusCode != 503 || r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a route that pages of others must not call: %s %v", r.Status, r.Header)
	}
}

// TestOnlyHarmlessRequestsAreRepeated breaks the connection after the request
// was read, as a killed service does.
func TestOnlyHarmlessRequestsAreRepeated(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	s := newSite(t, config.Proxy{}, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		ok(w, r)
	})
	for _, tc := range []struct {
		name, method, path, key string
		want                    int
	}{
		{"GET", "GET", "/api/v1/reports", "", 200},
		{"a report", "POST", "/api/v1/reports", "bsk_pub_x", 200},
		{"a new project", "POST", "/api/v1/projects", "", 502},
		{"a change", "PATCH", "/api/v1/reports/1", "", 502},
	} {
		tries.Store(0)
		resp, body := send(t, s, tc.method, tc.path, strings.NewReader("{}"), "X-API-Key", tc.key)
		if resp.StatusCode != tc.want {
			t.Errorf("%s: %s %s after %d tries", tc.name, resp.Status, body, tries.Load())
		}
	}
}

func TestPlainHTTPRedirects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		port                     int
		method, host, path, want string
		status                   int
	}{
		{443, "GET", "bugs.test", "/a?b=c", "https://bugs.test/a?b=c", 301},
		{443, "POST", "bugs.test:80", "/api/v1/reports", "https://bugs.test/api/v1/reports", 308},
		{8443, "GET", "bugs.test:8080", "/", "https://bugs.test:8443/", 301},
		{8443, "GET", "[::1]:8080", "/", "https://[::1]:8443/", 301},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tc.method, tc.path, nil)
		r.Host = tc.host
		proxy.Redirect(config.Server{Name: "bugs.test", HTTPSPort: tc.port}).ServeHTTP(w, r)
		if w.Code != tc.status || w.Header().Get("Location") != tc.want {
			t.Errorf("%+v: %d %s", tc, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestSilentClientsAreCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, config.Proxy{HeaderTimeoutS: 1}, ok)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(15 * time.Second))
	if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a client that says nothing is kept for ever")
	}
	if answer := s.raw(t, "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "); status(answer) == 200 {
		t.Errorf("half a header was answered: %s", answer)
	}
}

// Published widgets do not keep a report that was not taken.
func TestTheMaintenancePagePromisesNothing(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("maintenance.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"sent again", "are kept", "kept by"} {
		if bytes.Contains(page, []byte(word)) {
			t.Errorf("it says %q", word)
		}
	}
}

func TestStrictTransportSecurityIsASetting(t *testing.T) {
	for _, hsts := range []bool{true, false} {
		p, err := proxy.New(proxy.Options{HSTS: hsts, Server: config.Server{Name: "bugs.test"}, API: "/nowhere", Dashboard: "/nowhere", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://bugs.test/", nil))
		if got := w.Header().Get("Strict-Transport-Security"); (got != "") != hsts || hsts && !strings.HasPrefix(got, "max-age=63072000") {
			t.Errorf("tls.hsts=%v: %q", hsts, got)
		}
	}
}
