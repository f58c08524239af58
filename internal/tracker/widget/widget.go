// Package widget serves the widget for the pages of customers: scripts that are built from
// ui/ into dist/ and embedded in the binary, those of earlier releases, and a page to
// try it on. Any page may load them, so every answer but that page carries CORS headers.
//
// Nothing here knows who asks: httpapi admits to the page to try it on.
package widget

import (
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker/asset"
)

//go:embed all:dist
var built embed.FS

//go:embed all:released
var released embed.FS

// Options says what to serve.
type Options struct {
	// Version is that of the running program, and so of the build.
	Version string
	// Files is a build of ui/ other than the embedded one.
	Files fs.FS
	// Released has one directory for each earlier version, a build each; nil is the
	// embedded one. A page may have pinned any of them.
	Released fs.FS
}

// Widget is the handler.
type Widget struct {
	version   string
	integrity string
	assets    map[string]*asset.Asset // by path without the leading slash
	demo      map[string]*asset.Asset
}

// fresh is the Cache-Control of addresses whose content changes with an upgrade: five
// minutes, after which a browser asks with the entity tag.
const fresh = "public, max-age=300, must-revalidate"

// New reads the build and the earlier releases, and returns their handler. It fails only
// when a file cannot be read.
func New(o Options) (*Widget, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &Widget{version: o.Version, assets: map[string]*asset.Asset{}}
	files, err := asset.Read(o.Files, cacheFor)
	if err != nil {
		return nil, err
	}
	for name, a := range files {
		if unpinned(name) || strings.HasPrefix(name, "widget/") {
			s.assets[name] = a
		}
	}
	if script := s.assets["widget.js"]; script != nil {
		s.assets[pinned(o.Version)] = script.Cached(asset.Immutable)
		s.integrity = integrity(script.Bytes())
		if err := s.addManifest(); err != nil {
			return nil, err
		}
		if s.demo, err = readDemo(); err != nil {
			return nil, err
		}
	}
	return s, s.addReleased(o.Released)
}

func (o Options) complete() (_ Options, err error) {
	if o.Files == nil {
		if o.Files, err = fs.Sub(built, "dist"); err != nil {
			return o, fmt.Errorf("opening the embedded widget: %w", err)
		}
	}
	if o.Released == nil {
		if o.Released, err = fs.Sub(released, "released"); err != nil {
			return o, fmt.Errorf("opening the released widgets: %w", err)
		}
	}
	return o, nil
}

// unpinned reports whether a file of the build keeps its name when its content changes.
func unpinned(name string) bool {
	switch name {
	case "widget.js", "widget.mjs", "widget.d.ts", "widget.js.map", "widget.mjs.map":
		return true
	default:
		return false
	}
}

// pinned is the name of the script of one version, which keeps its content for ever.
func pinned(version string) string { return "widget-" + version + ".js" }

func cacheFor(name string) string {
	if unpinned(name) {
		return fresh
	}
	return asset.Immutable
}

// integrity is the value of the attribute of that name for a script.
func integrity(script []byte) string {
	sum := sha512.Sum384(script)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Manifest says what there is to load.
type Manifest struct {
	Version   string `json:"version"`
	URL       string `json:"url"`
	PinnedURL string `json:"pinnedUrl"`
	Integrity string `json:"integrity"`
}

// Manifest says what this server serves. Its addresses begin with a slash.
func (s *Widget) Manifest() Manifest {
	return Manifest{s.version, "/widget.js", "/" + pinned(s.version), s.integrity}
}

func (s *Widget) addManifest() error {
	data, err := json.Marshal(s.Manifest())
	if err != nil {
		return err
	}
	s.assets["widget/manifest.json"], err = asset.New("manifest.json", append(data, '\n'), asset.NoCache)
	return err
}

// addReleased adds the scripts of earlier releases and the parts that they load. The
// names of parts carry a hash of their content, so equal names are equal files. Of the
// running version the build counts, whose integrity the manifest tells.
func (s *Widget) addReleased(releases fs.FS) error {
	versions, err := fs.ReadDir(releases, ".")
	if err != nil {
		return fmt.Errorf("reading the released widgets: %w", err)
	}
	for _, v := range versions {
		if !v.IsDir() {
			continue // the README
		}
		files, err := fs.Sub(releases, v.Name())
		if err != nil {
			return fmt.Errorf("opening the widget %s: %w", v.Name(), err)
		}
		found, err := asset.Read(files, func(string) string { return asset.Immutable })
		if err != nil {
			return err
		}
		for name, a := range found {
			if name == "widget.js" {
				name = pinned(v.Name())
			} else if !strings.HasPrefix(name, "widget/") {
				continue
			}
			if s.assets[name] == nil {
				s.assets[name] = a
			}
		}
	}
	return nil
}

// Integrity is that of the script, "" when the binary was built without the widget.
func (s *Widget) Integrity() string { return s.integrity }

// ServeHTTP answers a file. What is not there is 404 in JSON, as of the API, and a page of
// another site can read that too.
func (s *Widget) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	page := s.demo[name]
	if page != nil {
		demoHeaders(w.Header())
	} else {
		setHeaders(w.Header())
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "this method is not allowed here")
		return
	}
	switch a := s.assets[name]; {
	case page != nil:
		page.ServeHTTP(w, r)
	case a != nil:
		a.ServeHTTP(w, r)
	case s.integrity == "":
		notBuilt(w)
	default:
		refuse(w, http.StatusNotFound, "there is nothing at this address")
	}
}

// setHeaders lets pages of every site load the file, also those that are isolated from
// other origins, and measure how long that takes.
func setHeaders(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Timing-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"detail": detail}) // an error means that the client left
}

// notBuilt is what a binary compiled without the widget answers.
func notBuilt(w http.ResponseWriter) {
	refuse(w, http.StatusServiceUnavailable, "this bugspark was compiled without its widget; run 'make build' in its source tree and start the new binary")
}
