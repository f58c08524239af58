package proxy

import (
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/bugspark/bugspark/internal/proxy/upstream"
)

//go:embed maintenance.html
var pages embed.FS

// answerError answers a request that could not be forwarded.
func (p *Proxy) answerError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errTooLarge):
		w.Header().Set("Connection", "close")
		p.refuse(w, r, http.StatusRequestEntityTooLarge, "the request is larger than this server takes")
	case errors.Is(err, errTooSlow):
		w.Header().Set("Connection", "close")
		p.refuse(w, r, http.StatusRequestTimeout, "the request came too slowly")
	case errors.Is(err, errTruncated):
		w.Header().Set("Connection", "close")
		p.refuse(w, r, http.StatusBadRequest, "the request ended before it was complete")
	case r.Context().Err() != nil:
		// The client left, or has closed its side. Returning would answer 200, for a
		// request that nobody has taken.
		panic(http.ErrAbortHandler)
	case errors.Is(err, upstream.ErrUnavailable):
		if p.preflight(w, r) {
			return
		}
		w.Header().Set("Retry-After", "5")
		p.refuse(w, r, http.StatusServiceUnavailable, "the server is restarting or being maintained; try again in a few seconds")
	default:
		p.o.Log.Warn("a service broke off", "path", r.URL.Path, "error", err, "request", w.Header().Get("X-Request-Id"))
		w.Header().Set("Retry-After", "5")
		p.refuse(w, r, http.StatusBadGateway, "the server was interrupted; try again in a few seconds")
	}
}

// refuse answers in place of a service, with JSON or, in a browser, with a page.
// Without the CORS headers a browser hides the status from the widget, and from a page
// that asks for its files.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if origin := r.Header.Get("Origin"); origin != "" && (widgetRoute(r) || widgetFile(r.URL.Path)) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "X-Request-ID, Retry-After")
		h.Add("Vary", "Origin, X-API-Key")
	}
	if p.route(r.URL.Path) == p.web && status >= 500 && strings.Contains(r.Header.Get("Accept"), "text/html") {
		page, err := pages.ReadFile("maintenance.html")
		if err == nil {
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+maintenanceStyle+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			w.WriteHeader(status)
			_, _ = w.Write(page) // an error means that the client left
			return
		}
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"detail": detail}) // as above
}

// preflight lets the widget send its request while the API is away: a browser that
// is refused the question does not send it, and hides from the widget that it should
// try again. The answer is that of the API, but nobody is to remember it.
func (p *Proxy) preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" || !widgetRoute(r) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Add("Vary", "Origin, X-API-Key")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-API-Key, Accept-Language")
	h.Set("Access-Control-Max-Age", "0")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return true
}

// away reports whether somebody opens a page while the API is away. The dashboard
// would show no more than its errors.
func (p *Proxy) away(r *http.Request) bool {
	return r.Method == http.MethodGet && p.route(r.URL.Path) == p.web && strings.Contains(r.Header.Get("Accept"), "text/html") && p.api.Check(r.Context()) != nil
}

// widgetRoute reports whether pages of other origins call this route.
func widgetRoute(r *http.Request) bool {
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case "/api/v1/projects/widget-config", "/api/v1/projects/console-log-quota", "/api/v1/upload/screenshot", "/api/v1/reports":
		return true
	default:
		return false
	}
}
