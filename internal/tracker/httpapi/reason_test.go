package httpapi_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
)

// Pictures that no report names count against a quota, so a page that may not report may
// not upload either.
func TestOnlyAllowedPagesUploadPictures(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	_, widget := s.account(t, "ada@example.org", nil).project("shop", "example.org, localhost:3000")
	for origin, status := range map[string]int{
		"https://example.org": 200, "https://shop.example.org": 200, "http://localhost:3000": 200, "": 200,
		"https://evilexample.org": 400, "http://localhost:4000": 400, "null": 400,
	} {
		widget.header["Origin"] = origin
		a := widget.upload("image/png", picture(t, 4, 4))
		if a.status != status || (a.text("key") != "") != (status == 200) {
			t.Errorf("%q: %d %s", origin, a.status, a.raw)
		}
		if status == 400 && (a.text("code") != "origin.not_allowed" || a.header.Get("Access-Control-Allow-Origin") != origin) {
			t.Errorf("%q: the widget cannot tell why: %v %s", origin, a.header, a.raw)
		}
	}
	delete(widget.header, "Origin")
	widget.header["Referer"] = "https://evil.test/page"
	if a := widget.upload("image/png", picture(t, 4, 4)); a.status != 400 {
		t.Errorf("by its referrer: %d %s", a.status, a.raw)
	}
}

// The widget says other words for each of these, and details are for people.
func TestTheWidgetIsToldWhyByCode(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{UnnamedMiB: 1, ReportsPerAddress: 20})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "example.org")
	off, offWidget := u.project("closed", "")
	offWidget.want(200, "GET", "/projects/widget-config", nil)
	u.want(200, "PATCH", "/projects/"+off, map[string]any{"is_active": false})
	with := func(w *user, header ...string) *user {
		out := s.nobody(t)
		maps.Copy(out.header, w.header)
		for i := 0; i < len(header); i += 2 {
			out.header[header[i]] = header[i+1]
		}
		return out
	}
	wantCode := func(name string, a answer, status int, code string) {
		t.Helper()
		if a.status != status || a.text("code") != code {
			t.Errorf("%s: %d %s, want %d and %q", name, a.status, a.raw, status, code)
		}
	}
	for _, tc := range []struct {
		name   string
		from   *user
		body   map[string]any
		status int
		code   string
	}{
		{"taken", widget, bug(), 201, ""},
		{"another site", with(widget, "Origin", "https://evil.test"), bug(), 400, "origin.not_allowed"},
		{"no severity", widget, bug("severity", nil), 422, "report.invalid"},
		{"a robot", widget, bug("hpField", "x"), 400, "report.robot"},
		{"no such picture", widget, bug("screenshot_url", "screenshots/none.png"), 400, "picture.unknown"},
		{"an unknown key", with(widget, "X-API-Key", "bsk_pub_wrong"), bug(), 401, "key.unknown"},
		{"a long key", with(widget, "X-API-Key", strings.Repeat("k", 300)), bug(), 401, "key.unknown"},
		{"a project that is off", offWidget, bug(), 401, "project.inactive"},
		{"a project that is off, again", offWidget, bug(), 401, "project.inactive"},
	} {
		wantCode(tc.name, tc.from.do("POST", "/reports", tc.body), tc.status, tc.code)
	}
	wantCode("no key", s.nobody(t).do("POST", "/reports", bug()), 401, "key.missing")
	wantCode("no key, settings", s.nobody(t).do("GET", "/projects/widget-config", nil), 401, "key.missing")
	wantCode("settings of a project that is off", offWidget.do("GET", "/projects/widget-config", nil), 401, "project.inactive")
	wantCode("no picture", widget.upload("image/png", []byte("<html>")), 400, "picture.invalid")
	s.full.Store(true)
	wantCode("a full disk", widget.do("POST", "/reports", bug()), 507, "server.full")
	s.full.Store(false)
	for range 20 {
		widget.do("POST", "/reports", bug())
	}
	wantCode("too many", widget.do("POST", "/reports", bug()), 429, "rate.limited")

	u.want(200, "PATCH", "/projects/"+off, map[string]any{"is_active": true})
	offWidget.want(200, "GET", "/projects/widget-config", nil) // at once
	key := offWidget.upload("image/png", picture(t, 4, 4)).text("key")
	s.exec(t, `UPDATE pictures SET size = 2000000 WHERE key = $1`, key)
	wantCode("unnamed pictures", offWidget.upload("image/png", picture(t, 4, 4)), 429, "quota.reached")

	boss := s.account(t, "root@example.org", func(a *tracker.Account) { a.IsSuperadmin = true })
	if a := boss.do("GET", "/reports/x", nil); a.status != 422 || a.text("code") != "" {
		t.Errorf("what is not of the widget has a code: %s", a.raw)
	}
}
