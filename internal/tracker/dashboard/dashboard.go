// Package dashboard serves the team's front end: a single-page application that is
// built from ui/ into dist/ and embedded in the binary.
//
// Its content security policy has no nonces and no exceptions; see headers.go.
package dashboard

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker/asset"
)

//go:embed all:dist
var built embed.FS

// Options says what to serve; the zero value serves the embedded build.
type Options struct {
	// Files is a build of ui/ other than the embedded one.
	Files fs.FS
}

// server answers from memory: the whole build is read, compressed and given
// entity tags once, at start.
type server struct {
	assets map[string]*asset.Asset // by path without the leading slash
}

// New reads the build and returns its handler. It fails only when a file of the
// build cannot be read.
func New(o Options) (http.Handler, error) {
	if o.Files == nil {
		sub, err := fs.Sub(built, "dist")
		if err != nil {
			return nil, fmt.Errorf("opening the embedded dashboard: %w", err)
		}
		o.Files = sub
	}
	assets, err := asset.Read(o.Files, cacheFor)
	if err != nil {
		return nil, err
	}
	return &server{assets: assets}, nil
}

// cacheFor is the Cache-Control of a file. The names of those below assets/ carry a hash
// of their content.
func cacheFor(name string) string {
	if strings.HasPrefix(name, "assets/") {
		return asset.Immutable
	}
	return asset.NoCache
}

// Built reports whether files hold a build rather than the placeholder that
// keeps dist/ in the repository.
func Built(files fs.FS) bool {
	info, err := fs.Stat(files, "index.html")
	return err == nil && !info.IsDir()
}

// ServeHTTP answers a file, or the application for any address a person may
// have bookmarked. What looks like a missing file is 404, so that a tab left
// open over an upgrade fails loudly instead of running HTML as a script.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if a, ok := s.assets[name]; ok {
		a.ServeHTTP(w, r)
		return
	}
	if !navigation(r, name) {
		http.NotFound(w, r)
		return
	}
	index, ok := s.assets["index.html"]
	if !ok {
		notBuilt(w)
		return
	}
	index.ServeHTTP(w, r)
}

// navigation reports whether the request is for a page rather than for a part
// of one.
func navigation(r *http.Request, name string) bool {
	return !strings.HasPrefix(name, "assets/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// notBuilt is what a binary compiled without the front end answers.
func notBuilt(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, "This bugspark was compiled without its dashboard. Run 'make build' in its source tree and start the new binary.")
}
