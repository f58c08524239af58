// Package asset serves the files of a front end from memory: each is read, compressed
// and given entity tags once, at start.
package asset

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// The values of Cache-Control. Immutable is for files whose name says what is in them.
const (
	Immutable = "public, max-age=31536000, immutable"
	NoCache   = "no-cache"
)

// Asset is one file, ready to be sent.
type Asset struct {
	contentType string
	cache       string
	tag         string // quoted, as in the header
	plain       []byte
	gzipped     []byte // nil where compression gains nothing
}

// Read loads every file below files but placeholder.txt, which keeps the directory of a
// build in the repository. cache returns a file's Cache-Control.
func Read(files fs.FS, cache func(name string) string) (map[string]*Asset, error) {
	out := map[string]*Asset{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "placeholder.txt" {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		out[name], err = New(name, data, cache(name))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the files of a front end: %w", err)
	}
	return out, nil
}

// New makes the asset of a file; its name says of which type it is.
func New(name string, data []byte, cache string) (*Asset, error) {
	sum := sha256.Sum256(data)
	a := &Asset{
		contentType: contentType(name),
		cache:       cache,
		tag:         `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		plain:       data,
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if packed.Len() < len(data)*9/10 {
		a.gzipped = packed.Bytes()
	}
	return a, nil
}

// Cached is the same file with another Cache-Control.
func (a *Asset) Cached(cache string) *Asset {
	b := *a
	b.cache = cache
	return &b
}

// Bytes is the content of the file.
func (a *Asset) Bytes() []byte { return a.plain }

// contentType uses a table of its own: mime.TypeByExtension reads files of the
// machine, and with a wrong type a browser runs no script under nosniff.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".txt", ".ts": // a type for TypeScript is not registered, and video/mp2t is another .ts
		return "text/plain; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	default:
		return "application/octet-stream"
	}
}

// ServeHTTP answers GET and HEAD; other methods are the caller's to refuse.
func (a *Asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, tag := a.plain, a.tag
	if a.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body, tag = a.gzipped, strings.TrimSuffix(a.tag, `"`)+`-gz"`
		}
	}
	h.Set("ETag", tag)
	h.Set("Cache-Control", a.cache)
	if matches(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a failed write means that the client left
}

// acceptsGzip reads Accept-Encoding; a quality of zero is a refusal.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if c := strings.TrimSpace(coding); c != "gzip" && c != "*" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !ok {
			return true
		}
		quality, err := strconv.ParseFloat(q, 64)
		return err == nil && quality > 0
	}
	return false
}

func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if t := strings.TrimPrefix(strings.TrimSpace(part), "W/"); t == tag || t == "*" {
			return true
		}
	}
	return false
}
