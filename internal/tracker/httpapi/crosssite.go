package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker"
)

// checkSite refuses what another site makes a browser send. It applies to every
// request that changes something and for which a browser's cookies may count, which
// includes those that set cookies: signing somebody in to a stranger's account, or
// out, is a change too. The token of checkCSRF alone does not cover those.
//
// Widgets and access tokens rely on no cookie. A page cannot add their headers to a
// request for another route without a preflight, which only the widget's routes grant.
func (a *API) checkSite(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if widgetRoute(r) || bearer(r) {
		return nil
	}
	if a.crossOrigin.Check(r) != nil {
		return tracker.Errorf(tracker.Forbidden, "this request comes from another site")
	}
	// A form can send JSON as text/plain, and no other type asks first. Without a body
	// there is nothing to announce.
	kind := r.Header.Get("Content-Type")
	if kind == "" && r.ContentLength == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
		return &tracker.Error{Code: tracker.Invalid, Field: "Content-Type", Message: "must be application/json"}
	}
	return nil
}

// bearer reports whether an access token is sent; then cookies do not count.
func bearer(r *http.Request) bool {
	scheme, _, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return found && strings.EqualFold(scheme, "Bearer")
}
