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
	if r.Context().Err() != nil {
		return // the client left
	}
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
	case errors.Is(err, upstream.ErrUnavailable):
		w.Header().Set("Retry-After", "5")
		p.refuse(w, r, http.StatusServiceUnavailable, "the server is restarting or being maintained; try again in a few seconds")
	default:
		p.o.Log.Warn("a service broke off", "path", r.URL.Path, "error", err, "request", w.Header().Get("X-Request-Id"))
		w.Header().Set("Retry-After", "5")
		p.refuse(w, r, http.StatusBadGateway, "the server was interrupted; try again in a few seconds")
	}
}

// refuse answers in place of a service, with JSON or, in a browser, with a page.
// Without the CORS headers a browser hides the status from the widget.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if origin := r.Header.Get("Origin"); origin != "" && widgetRoute(r) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
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

// widgetRoute reports whether pages of other origins call this route.
func widgetRoute(r *http.Request) bool {
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case "/api/v1/projects/widget-config", "/api/v1/projects/console-log-quota", "/api/v1/upload/screenshot", "/api/v1/reports":
		return true
	default:
		return false
	}
}
