package widget_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bugspark/bugspark/internal/tracker/widget"
)

const script = "(()=>{console.log('widget')})()"

func build() fstest.MapFS {
	return fstest.MapFS{
		"placeholder.txt":           {Data: []byte("x")},
		"widget.js":                 {Data: []byte(script)},
		"widget.mjs":                {Data: []byte("export function init() {}")},
		"widget.d.ts":               {Data: []byte("export const version: string")},
		"widget.js.map":             {Data: []byte("{}")},
		"widget.mjs.map":            {Data: []byte("{}")},
		"widget/form-abc123.js":     {Data: []byte("export const form = 2")},
		"widget/form-abc123.js.map": {Data: []byte("{}")},
		"notes.js":                  {Data: []byte("not for pages")},
	}
}

func released() fstest.MapFS {
	return fstest.MapFS{
		"README.md":                   {Data: []byte("x")},
		"0.1.0/widget.js":             {Data: []byte("old")},
		"0.1.0/widget.mjs":            {Data: []byte("old module")},
		"0.1.0/widget/form-old111.js": {Data: []byte("export const form = 1")},
		"0.1.0/widget/form-abc123.js": {Data: []byte("export const form = 2")},
		"0.2.0/widget.js":             {Data: []byte("what was released as the running version")},
	}
}

func newWidget(t *testing.T, files, released fstest.MapFS) *widget.Widget {
	t.Helper()
	w, err := widget.New(widget.Options{Version: "0.2.0", Files: files, Released: released})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func get(w *widget.Widget, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := httptest.NewRecorder()
	w.ServeHTTP(a, r)
	return a
}

const (
	fresh     = "public, max-age=300, must-revalidate"
	immutable = "public, max-age=31536000, immutable"
)

func TestEveryPageMayLoadTheWidget(t *testing.T) {
	t.Parallel()
	w := newWidget(t, build(), released())
	for _, tc := range []struct {
		path, kind, cache, body string
	}{
		{"/widget.js", "text/javascript; charset=utf-8", fresh, script},
		{"/widget.mjs", "text/javascript; charset=utf-8", fresh, "export function init() {}"},
		{"/widget.d.ts", "text/plain; charset=utf-8", fresh, "export const version: string"},
		{"/widget.js.map", "application/json", fresh, "{}"},
		{"/widget.mjs.map", "application/json", fresh, "{}"},
		{"/widget-0.2.0.js", "text/javascript; charset=utf-8", immutable, script},
		{"/widget/form-abc123.js", "text/javascript; charset=utf-8", immutable, "export const form = 2"},
		{"/widget/form-abc123.js.map", "application/json", immutable, "{}"},
		{"/widget-0.1.0.js", "text/javascript; charset=utf-8", immutable, "old"},
		{"/widget/form-old111.js", "text/javascript; charset=utf-8", immutable, "export const form = 1"},
	} {
		a := get(w, "GET", tc.path)
		h := a.Header()
		if a.Code != 200 || a.Body.String() != tc.body || h.Get("Content-Type") != tc.kind || h.Get("Cache-Control") != tc.cache || h.Get("ETag") == "" {
			t.Errorf("%s: %d %q %v", tc.path, a.Code, a.Body, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Timing-Allow-Origin") != "*" {
			t.Errorf("%s: another site's page cannot load it: %v", tc.path, h)
		}
		if head := get(w, "HEAD", tc.path); head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("ETag") != h.Get("ETag") {
			t.Errorf("HEAD %s: %d %v", tc.path, head.Code, head.Header())
		}
		if known := get(w, "GET", tc.path, "If-None-Match", h.Get("ETag")); known.Code != 304 || known.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s, known: %d", tc.path, known.Code)
		}
	}
}

func TestWhatIsNotOfTheWidgetIsToldInJSON(t *testing.T) {
	t.Parallel()
	w := newWidget(t, build(), released())
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/widget-0.0.9.js", 404}, {"GET", "/widget/form-gone.js", 404}, {"GET", "/widget/", 404}, {"GET", "/widget", 404},
		{"GET", "/notes.js", 404}, {"GET", "/placeholder.txt", 404}, {"GET", "/widget/../notes.js", 404}, {"GET", "/README.md", 404},
		{"GET", "/widget/README.md", 404}, {"POST", "/widget.js", 405}, {"DELETE", "/widget/form-abc123.js", 405}, {"OPTIONS", "/widget.js", 405},
	} {
		a := get(w, tc.method, tc.path)
		var problem struct{ Detail string }
		if err := json.Unmarshal(a.Body.Bytes(), &problem); a.Code != tc.want || err != nil || problem.Detail == "" {
			t.Errorf("%s %s: %d %q", tc.method, tc.path, a.Code, a.Body)
		}
		if a.Header().Get("Access-Control-Allow-Origin") != "*" || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %v", tc.method, tc.path, a.Header())
		}
	}
}

func TestThePinnedSnippetNamesWhatIsServed(t *testing.T) {
	t.Parallel()
	w := newWidget(t, build(), released())
	sum := sha512.Sum384(get(w, "GET", "/widget-0.2.0.js").Body.Bytes())
	want := "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
	a := get(w, "GET", "/widget/manifest.json")
	var m widget.Manifest
	if err := json.Unmarshal(a.Body.Bytes(), &m); err != nil || a.Header().Get("Cache-Control") != "no-cache" || a.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%q %v %v", a.Body, a.Header(), err)
	}
	if m != (widget.Manifest{Version: "0.2.0", URL: "/widget.js", PinnedURL: "/widget-0.2.0.js", Integrity: want}) || w.Integrity() != want {
		t.Errorf("%+v, want %s", m, want)
	}
	plain := "<script async crossorigin src=\"https://bugs.example.org/widget.js\"\n  data-project-key=\"bsk_pub_x\"></script>"
	if got := w.Snippet("https://bugs.example.org", "bsk_pub_x", false); got != plain {
		t.Errorf("%s", got)
	}
	pinned := "<script async crossorigin src=\"https://bugs.example.org/widget-0.2.0.js\"\n  integrity=\"" + want + "\"\n  data-project-key=\"bsk_pub_x\"></script>"
	if got := w.Snippet("https://bugs.example.org", "bsk_pub_x", true); got != pinned {
		t.Errorf("%s", got)
	}
	if got := w.Snippet("https://a", `"><script>`, false); strings.Count(got, "<script") != 1 {
		t.Errorf("a key that is markup: %s", got)
	}
}

func TestABinaryWithoutItsWidgetSaysSo(t *testing.T) {
	t.Parallel()
	w := newWidget(t, fstest.MapFS{"placeholder.txt": {Data: []byte("x")}}, released())
	for _, path := range []string{"/widget.js", "/widget-0.2.1.js", "/widget/manifest.json", "/widget/demo"} {
		if a := get(w, "GET", path); a.Code != 503 || !strings.Contains(a.Body.String(), "make build") || a.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %q", path, a.Code, a.Body)
		}
	}
	if a := get(w, "GET", "/widget-0.1.0.js"); a.Body.String() != "old" {
		t.Errorf("a page that pinned a release is left alone: %d", a.Code)
	}
	if w.Integrity() != "" {
		t.Error("an integrity of nothing")
	}
}

func TestThePageToTryItOnIsStrict(t *testing.T) {
	t.Parallel()
	w := newWidget(t, build(), released())
	for path, kind := range map[string]string{
		"/widget/demo": "text/html; charset=utf-8", "/widget/demo.css": "text/css; charset=utf-8", "/widget/demo.js": "text/javascript; charset=utf-8",
	} {
		a := get(w, "GET", path)
		h := a.Header()
		if a.Code != 200 || h.Get("Content-Type") != kind || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", path, a.Code, h)
		}
		for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), directive) {
				t.Errorf("%s has no %s", path, directive)
			}
		}
		if strings.Contains(a.Body.String(), "style=") || strings.Contains(a.Body.String(), "onclick") {
			t.Errorf("%s has what its policy forbids", path)
		}
	}
}

func TestTheEmbeddedWidgetIsReadable(t *testing.T) {
	t.Parallel()
	if _, err := widget.New(widget.Options{Version: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
}
