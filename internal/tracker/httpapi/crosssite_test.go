package httpapi_test

import (
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// Another site can make a browser send a form, of any text, with the cookies that
// SameSite lets through, and have the answer's cookies stored. What it cannot forge
// is Sec-Fetch-Site and Origin, and JSON it cannot announce without asking first.
func TestOtherSitesCannotActForABrowser(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	login := []byte(`{"email":"ada@example.org","password":"` + secretWord + `"}`)
	for _, path := range []string{"/auth/login", "/auth/cli/login", "/auth/refresh", "/auth/logout", "/auth/tokens", "/projects", "/auth/register"} {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; x=application/json", "application/jsonp"} {
			if a := u.send("POST", path, kind, login); a.status != 422 || len(a.header["Set-Cookie"]) > 0 {
				t.Errorf("%s as %s: %d %s", path, kind, a.status, a.raw)
			}
		}
		for _, header := range [][2]string{{"Origin", "https://evil.test"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			u.header[header[0]] = header[1]
			if a := u.send("POST", path, "application/json", login); a.status != 403 || len(a.header["Set-Cookie"]) > 0 {
				t.Errorf("%s with %s: %d %s", path, header, a.status, a.raw)
			}
			delete(u.header, header[0])
		}
	}
	u.want(200, "GET", "/auth/me", nil) // nothing of that signed anybody out
	if n := len(u.want(200, "GET", "/auth/sessions", nil).list); n != 1 {
		t.Errorf("%d sessions", n)
	}
	for _, header := range [][2]string{{"Origin", s.URL}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}} {
		u.header[header[0]] = header[1]
		u.want(200, "PATCH", "/auth/me", map[string]any{"name": "Ada"})
		if a := u.send("POST", "/auth/refresh", "", nil); a.status != 200 { // as the dashboard does: without a body and its kind
			t.Errorf("refresh with %s: %d %s", header, a.status, a.raw)
		}
		delete(u.header, header[0])
	}
	if a := u.send("PATCH", "/auth/me", "application/json; charset=utf-8", []byte(`{"name":"Ada"}`)); a.status != 200 {
		t.Errorf("with a charset: %d %s", a.status, a.raw)
	}
}

// Widgets and tokens rely on no cookie, so where they come from does not matter.
func TestOtherSitesMayUseKeysAndTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	widget.header["Sec-Fetch-Site"] = "cross-site"
	widget.want(201, "POST", "/reports", bug())
	if a := widget.upload("image/png", picture(t, 4, 4)); a.status != 200 {
		t.Errorf("%d %s", a.status, a.raw)
	}
	token := u.want(201, "POST", "/auth/tokens", map[string]any{"name": "ci"}).text("token")
	script := s.nobody(t, "Authorization", "Bearer "+token, "Origin", "https://ci.example.org")
	if a := script.send("POST", "/projects", "application/x-www-form-urlencoded", []byte(`{"name":"by curl"}`)); a.status != 201 {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
