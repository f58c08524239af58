package httpapi

import (
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"

	"github.com/bugspark/bugspark/internal/tracker"
)

// wrap adds what every answer needs: a request id, security headers, CORS, JSON for
// unknown paths and wrong methods, and an answer when an endpoint panics.
func (a *API) wrap(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Request-Id"] = []string{requestID(r.Header.Get("X-Request-Id"))}
		h["X-Content-Type-Options"] = []string{"nosniff"}
		h["X-Frame-Options"] = []string{"DENY"}
		h["Referrer-Policy"] = []string{"strict-origin-when-cross-origin"}
		h["Permissions-Policy"] = []string{"camera=(), microphone=(), geolocation=()"}
		h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}

		// Clients append paths to a root that may end in a slash. A redirect
		// would break a cross-origin POST, so the path is corrected here.
		if path := cleanPath(r.URL.Path); path != r.URL.Path {
			u := *r.URL
			u.Path, u.RawPath = path, ""
			clone := *r
			clone.URL = &u
			r = &clone
		}
		defer func() {
			if reason := recover(); reason != nil {
				if reason == http.ErrAbortHandler { //nolint:errorlint // what was thrown, not an error that was returned
					panic(reason)
				}
				a.Log.Error("a request panicked", "method", r.Method, "path", r.URL.Path, "reason", reason,
					"stack", string(debug.Stack()), "request", h.Get("X-Request-Id"))
				writeJSON(w, http.StatusInternalServerError, problem{Detail: "something went wrong on the server"})
			}
		}()
		if a.cors(w, r) {
			return
		}
		if strings.Contains(r.URL.Path+"/", "/../") || strings.Contains(r.URL.Path+"/", "/./") {
			a.fail(w, r, tracker.Errorf(tracker.NotFound, "there is nothing at this address"))
			return
		}
		if err := a.checkSite(r); err != nil {
			a.fail(w, r, err)
			return
		}
		if widgetFile(r.URL.Path) {
			a.render(a.widgetFiles).ServeHTTP(w, r)
			return
		}
		handler, pattern := mux.Handler(r)
		if pattern == "" {
			a.unrouted(w, r, handler)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// unrouted answers in JSON where the mux would in plain text.
func (a *API) unrouted(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	probe := &statusProbe{header: http.Header{}}
	handler.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		writeJSON(w, http.StatusMethodNotAllowed, problem{Detail: "this method is not allowed here"})
		return
	}
	a.fail(w, r, tracker.Errorf(tracker.NotFound, "there is nothing at this address"))
}

// statusProbe records the status that the mux would have answered.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

// cleanPath collapses repeated slashes and drops one at the end.
func cleanPath(path string) string {
	if !strings.Contains(path, "//") && (len(path) < 2 || path[len(path)-1] != '/') {
		return path
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	return "/" + strings.Join(parts, "/")
}

func requestID(given string) string {
	if n := len(given); n >= 8 && n <= 64 && strings.Trim(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" {
		return given
	}
	return uuid.NewString()
}

// cors lets pages of any origin call the widget's routes, without credentials,
// and answers their preflights. The dashboard has the API's own origin and needs
// none.
func (a *API) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	if !widgetRoute(r) {
		return false
	}
	h := w.Header()
	// A browser may keep the answers for two projects' keys in one cache.
	h.Add("Vary", "Origin, X-API-Key")
	origin := r.Header.Get("Origin")
	if origin == "" {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions {
		h.Set("Access-Control-Expose-Headers", "X-Request-ID, Retry-After")
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-API-Key, Accept-Language")
	h.Set("Access-Control-Max-Age", "86400")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return true
}

// widgetRoute reports whether pages of other origins may call: always for the
// routes only a widget uses, for reports when a key is sent or announced.
func widgetRoute(r *http.Request) bool {
	switch r.URL.Path {
	case "/api/v1/projects/widget-config", "/api/v1/projects/console-log-quota", "/api/v1/upload/screenshot":
		return true
	case "/api/v1/reports":
		if r.Method == http.MethodOptions {
			return strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "x-api-key")
		}
		return r.Method == http.MethodPost && r.Header.Get("X-Api-Key") != ""
	default:
		return false
	}
}

// clientAddress is the address that the proxy saw.
func clientAddress(r *http.Request) string {
	line := r.Header.Get("X-Forwarded-For")
	return strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
}

// clientNetwork is the key of rate limits.
func clientNetwork(r *http.Request) string { return networkOf(clientAddress(r)) }

// networkOf is an IPv4 address, or the /64 of an IPv6 address, which one customer of a
// provider has alone.
func networkOf(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return text
	}
	return network.String()
}
