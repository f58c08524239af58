package httpapi

import (
	_ "embed"
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker"
)

// demoPath is the page of the widget's handler that only administrators see.
const demoPath = "/widget/demo"

// demoRefusal is what others see instead. It uses the files of the sample page.
//
//go:embed demo.html
var demoRefusal string

const demoRefusalPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

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
	case c.account.IsSuperadmin:
		a.Widget.ServeHTTP(w, r)
		return nil
	case !strings.Contains(r.Header.Get("Accept"), "text/html"):
		return tracker.Errorf(tracker.Forbidden, "only an administrator of this server may try the widget here")
	}
	refuseDemo(w, c.account.Email)
	return nil
}

// refuseDemo tells a person who may see the page, and where to sign in.
func refuseDemo(w http.ResponseWriter, email string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", demoRefusalPolicy)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusForbidden)
	_, _ = strings.NewReplacer("EMAIL", html.EscapeString(email)).WriteString(w, demoRefusal) // an error means that the client left
}
