package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/widget"
)

// widgetFiles is a build of the widget, as small as one can be.
func widgetFiles(t *testing.T) http.Handler {
	t.Helper()
	w, err := widget.New(widget.Options{Version: "1.2.3", Released: fstest.MapFS{}, Files: fstest.MapFS{
		"widget.js": {Data: []byte("run()")}, "widget.mjs": {Data: []byte("export {}")}, "widget/form-1a2b.js": {Data: []byte("export {}")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTheWidgetsFilesNeedNoCredentials(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	page := s.nobody(t, "Origin", "https://shop.example.org")
	for _, path := range []string{"/widget.js", "/widget.mjs", "/widget-1.2.3.js", "/widget/form-1a2b.js", "/widget/manifest.json", "//widget.js", "/widget/demo.css", "/widget/demo.svg"} {
		a := page.send("GET", s.URL+path, "", nil)
		if a.status != 200 || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("X-Request-Id") == "" || a.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		if origin := a.header.Get("Access-Control-Allow-Origin"); origin != "*" && !strings.HasPrefix(path, "/widget/demo.") {
			t.Errorf("%s: allowed for %q", path, origin)
		}
	}
	for _, path := range []string{"/widget-1.2.2.js", "/widget/form-old.js", "/widget/"} {
		a := page.send("GET", s.URL+path, "", nil)
		if want := 404; a.status != want || path != "/widget/" && a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	for _, path := range []string{"/widget", "/widgets/a.js", "/widget.css", "/widget.js.gz"} {
		if a := page.send("GET", s.URL+path, "", nil); a.status != 404 || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	if a := s.nobody(t).send("DELETE", s.URL+"/widget.js", "application/json", nil); a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("DELETE: %d %s", a.status, a.raw)
	}
}

func TestOnlyAdministratorsTryTheWidgetHere(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	get := func(u *user) answer {
		t.Helper()
		u.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return u.send("GET", s.URL+"/widget/demo", "", nil)
	}
	const signIn = "/sign-in?next=%2Fwidget%2Fdemo"
	for name, u := range map[string]*user{
		"nobody":                      s.nobody(t),
		"a session that is none":      s.nobody(t, "Cookie", "bugspark_access_token=none"),
		"a password that must change": s.account(t, "new@example.org", func(a *tracker.Account) { a.IsSuperadmin, a.MustChangePassword = true, true }),
	} {
		if a := get(u); a.status != 303 || a.header.Get("Location") != signIn || strings.Contains(string(a.raw), "Harbour") {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	bob := s.account(t, "bob@example.org", nil)
	if a := get(bob); a.status != 403 || !strings.Contains(a.text("detail"), "only an administrator") {
		t.Errorf("no administrator: %d %s", a.status, a.raw)
	}
	bob.header["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
	page := get(bob)
	if text := string(page.raw); page.status != 403 || page.header.Get("Content-Type") != "text/html; charset=utf-8" || page.header.Get("Cache-Control") != "no-store" ||
		!strings.Contains(text, "bob@example.org") || !strings.Contains(text, `href="/bugs"`) || strings.Contains(text, "Harbour") {
		t.Errorf("no administrator, in a browser: %d %v %s", page.status, page.header, text)
	}
	a := get(s.account(t, "ada@example.org", func(a *tracker.Account) { a.IsSuperadmin = true }))
	if a.status != 200 || !strings.Contains(string(a.raw), "Harbour Bank") || !strings.Contains(a.header.Get("Content-Security-Policy"), "trusted-types 'none'") {
		t.Errorf("an administrator: %d %v", a.status, a.header)
	}
}
