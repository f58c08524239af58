package dashboard_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

func handler(t *testing.T, files fstest.MapFS) http.Handler {
	t.Helper()
	h, err := dashboard.New(dashboard.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func build() fstest.MapFS {
	return fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html><title>app</title>" + strings.Repeat(" ", 500))},
		"theme.js":            {Data: []byte("1")},
		"assets/app-abc12.js": {Data: []byte(strings.Repeat("let a = 1;\n", 200))},
	}
}

func get(h http.Handler, method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = target
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestWhatIsNotAPageIsNotAnsweredWithOne(t *testing.T) {
	t.Parallel()
	h := handler(t, build())
	for _, tc := range []struct {
		name, method, path, accept string
		want                       int
	}{
		{"missing asset", "GET", "/assets/gone-1.js", "*/*", 404},
		{"missing asset typed into the address bar", "GET", "/assets/gone-1.js", "text/html", 404},
		{"script asking for an unknown path", "GET", "/nothing", "application/json", 404},
		{"no Accept header", "GET", "/nothing", "", 404},
		{"climbing out", "GET", "/../../etc/passwd", "*/*", 404},
		{"climbing out of assets", "GET", "/assets/../../dashboard.go", "*/*", 404},
		{"NUL in the path", "GET", "/\x00", "*/*", 404},
		{"directory", "GET", "/assets", "*/*", 404},
		{"placeholder", "GET", "/placeholder.txt", "*/*", 404},
		{"write", "POST", "/", "text/html", 405},
		{"delete", "DELETE", "/assets/app-abc12.js", "*/*", 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			res := get(h, tc.method, tc.path, "Accept", tc.accept)
			if res.StatusCode != tc.want {
				t.Errorf("status = %d, want %d", res.StatusCode, tc.want)
			}
			if res.Header.Get("Content-Security-Policy") == "" {
				t.Error("the answer has no policy")
			}
		})
	}
}

func TestEveryBookmarkOpensTheApplication(t *testing.T) {
	t.Parallel()
	h := handler(t, build())
	for _, path := range []string{"/", "/bugs", "/bugs/0a1b", "/sign-in", "/bugs/", "//bugs"} {
		res := get(h, "GET", path, "Accept", "text/html,application/xhtml+xml")
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 200 || !strings.Contains(string(body), "<title>app") {
			t.Errorf("%s: %d %q", path, res.StatusCode, body)
		}
		if got := res.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control = %q", path, got)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	res := get(handler(t, build()), "GET", "/", "Accept", "text/html")
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
			"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff",
		"X-Frame-Options":        "DENY",
		"Referrer-Policy":        "same-origin",
	}
	for name, value := range want {
		if got := res.Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if !strings.Contains(res.Header.Get("Permissions-Policy"), "camera=()") {
		t.Error("no permissions policy")
	}
}

func TestAssetsAreCompressedAndKept(t *testing.T) {
	t.Parallel()
	h := handler(t, build())
	const path = "/assets/app-abc12.js"
	plain := get(h, "GET", path)
	packed := get(h, "GET", path, "Accept-Encoding", "br, gzip;q=0.5")
	if got := packed.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control = %q", got)
	}
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers = %v", packed.Header)
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	a, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(plain.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Error("the compressed asset differs from the plain one")
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("two encodings share one entity tag")
	}
	if res := get(h, "GET", path, "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Error("gzip was sent to a client that refuses it")
	}
	again := get(h, "GET", path, "If-None-Match", `W/"x", `+plain.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("a matching entity tag got %d", again.StatusCode)
	}
	head := get(h, "HEAD", path)
	if n, err := io.Copy(io.Discard, head.Body); err != nil || n != 0 || head.ContentLength != int64(len(b)) {
		t.Errorf("HEAD: %d bytes, Content-Length %d, %v", n, head.ContentLength, err)
	}
}

func TestWithoutABuildItSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	h := handler(t, fstest.MapFS{"placeholder.txt": {Data: []byte("x")}})
	res := get(h, "GET", "/bugs", "Accept", "text/html")
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "make build") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}
