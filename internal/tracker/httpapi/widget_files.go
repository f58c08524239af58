package httpapi

import (
	"net/http"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker"
)

// widgetFile reports whether the widget's handler answers for a path. The proxy sends
// these to this service.
func widgetFile(path string) bool {
	switch path {
	case "/widget.js", "/widget.mjs", "/widget.d.ts", "/widget.js.map", "/widget.mjs.map":
		return true
	default:
		return strings.HasPrefix(path, "/widget-") || strings.HasPrefix(path, "/widget/")
	}
}

// widgetFiles answers for the widget's files, if there is a handler, and for the page to
// try it on.
func (a *API) widgetFiles(w http.ResponseWriter, r *http.Request) error {
	if a.Widget == nil {
		return tracker.Errorf(tracker.NotFound, "there is nothing at this address")
	}
	if r.URL.Path == demoPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return a.demo(w, r)
	}
	a.Widget.ServeHTTP(w, r)
	return nil
}
