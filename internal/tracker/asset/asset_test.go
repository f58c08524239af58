package asset_test

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bugspark/bugspark/internal/tracker/asset"
)

func TestEveryFileHasTheTypeThatABrowserRuns(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.js": "text/javascript; charset=utf-8", "a.mjs": "text/javascript; charset=utf-8", "a.d.ts": "text/plain; charset=utf-8",
		"a.js.map": "application/json", "a.mjs.map": "application/json", "manifest.json": "application/json",
		"a.html": "text/html; charset=utf-8", "a.css": "text/css; charset=utf-8", "a.svg": "image/svg+xml", "a": "application/octet-stream",
	} {
		a, err := asset.New(name, []byte("x"), asset.NoCache)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestAnAssetIsCompressedTaggedAndRecognised(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("let a = 1;\n", 200)
	files, err := asset.Read(fstest.MapFS{"a.js": {Data: []byte(text)}, "placeholder.txt": {Data: []byte("x")}}, func(string) string { return "public, max-age=300" })
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	get := func(method string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		files["a.js"].ServeHTTP(w, r)
		return w
	}
	plain, packed := get("GET"), get("GET", "Accept-Encoding", "br, gzip")
	if plain.Body.String() != text || plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%v", plain.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); string(got) != text || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if plain.Header().Get("Vary") != "Accept-Encoding" || plain.Header().Get("ETag") == packed.Header().Get("ETag") {
		t.Error("caches cannot tell the two forms apart")
	}
	if again := get("GET", "Accept-Encoding", "gzip", "If-None-Match", packed.Header().Get("ETag")); again.Code != 304 || again.Body.Len() != 0 {
		t.Errorf("known: %d", again.Code)
	}
	if refused := get("GET", "Accept-Encoding", "gzip;q=0"); refused.Body.String() != text {
		t.Error("gzip was refused, and sent")
	}
	if head := get("HEAD"); head.Body.Len() != 0 || head.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
		t.Errorf("HEAD: %v", head.Header())
	}
	if other := files["a.js"].Cached(asset.Immutable); string(other.Bytes()) != text {
		t.Error("another content under another cache")
	}
}
