package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker"
)

// demoPath is the page of the widget's handler that only administrators see.
const demoPath = "/widget/demo"

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

// demo shows the page to try the widget on to administrators. A browser opens it, so who
// is not signed in is sent to the dashboard, which leads back here. It also takes the
// new password that an account may have to choose, and renews a session.
func (a *API) demo(w http.ResponseWriter, r *http.Request) error {
	c, err := a.identify(r)
	signedOut := err == nil && (!c.account.IsActive || c.account.MustChangePassword)
	switch {
	case signedOut, err != nil && tracker.CodeOf(err) == tracker.Unauthorized:
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(demoPath), http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	case !c.account.IsSuperadmin:
		return tracker.Errorf(tracker.Forbidden, "only an administrator of this server may try the widget here")
	}
	a.Widget.ServeHTTP(w, r)
	return nil
}
