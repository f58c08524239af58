package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
)

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	me := u.want(200, "GET", "/auth/me", nil)
	if me.text("email") != "ada@example.org" || me.text("role") != "user" || me.text("plan") != "enterprise" {
		t.Errorf("me: %s", me.raw)
	}
	n := s.nobody(t)
	wrong := n.want(401, "POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": "not it"})
	unknown := n.want(401, "POST", "/auth/login", map[string]any{"email": "eve@example.org", "password": "not it"})
	if wrong.text("detail") != unknown.text("detail") {
		t.Error("the answer tells whether an address is known")
	}
	n.want(200, "POST", "/auth/login", map[string]any{"email": " ADA@Example.org ", "password": secretWord})
	n.want(200, "POST", "/auth/logout", nil)
	n.want(401, "GET", "/auth/me", nil)
	u.want(200, "GET", "/auth/me", nil) // the other session goes on
}

func TestCookiesAreKeptFromScriptsAndStrangers(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	s.account(t, "ada@example.org", nil)
	a := s.nobody(t).want(200, "POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": secretWord})
	for _, line := range a.header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Secure || c.SameSite != http.SameSiteLaxMode || c.HttpOnly != (c.Name != "bugspark_csrf_token") {
			t.Errorf("cookie %s", line)
		}
	}
	if len(a.header["Set-Cookie"]) != 3 {
		t.Errorf("cookies %q", a.header["Set-Cookie"])
	}
}

func TestWritesByCookieNeedTheirToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	good := u.header["X-CSRF-Token"]
	for _, token := range []string{"", strings.Repeat("0", 64), good[:63]} {
		u.header["X-CSRF-Token"] = token
		u.want(403, "POST", "/projects", map[string]any{"name": "shop"})
		u.want(200, "GET", "/projects", nil)
	}
	u.header["X-CSRF-Token"] = good
	u.want(201, "POST", "/projects", map[string]any{"name": "shop"})
}

func TestAOneTimePasswordOpensNothingButItsChange(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", func(a *tracker.Account) { a.MustChangePassword = true })
	u.want(200, "GET", "/auth/me", nil)
	if a := u.want(403, "GET", "/projects", nil); a.text("code") != "password.change_required" {
		t.Errorf("refused with %s", a.raw)
	}
	s.nobody(t).want(400, "POST", "/auth/cli/login", map[string]any{"email": "ada@example.org", "password": secretWord})
	change := func(from, to string) map[string]any {
		return map[string]any{"current_password": from, "newPassword": to}
	}
	u.want(400, "PUT", "/auth/me/password", change("not it", "another good sentence"))
	u.want(422, "PUT", "/auth/me/password", change(secretWord, "short"))
	u.want(422, "PUT", "/auth/me/password", change(secretWord, secretWord))
	u.want(200, "PUT", "/auth/me/password", change(secretWord, "another good sentence"))
	u.want(200, "GET", "/projects", nil)
}

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	other := s.nobody(t)
	other.want(200, "POST", "/auth/login", map[string]any{"email": u.email, "password": secretWord})
	if n := len(u.want(200, "GET", "/auth/sessions", nil).list); n != 2 {
		t.Errorf("%d sessions are listed", n)
	}
	u.want(200, "PUT", "/auth/me/password", map[string]any{"current_password": secretWord, "new_password": "another good sentence"})
	u.want(200, "GET", "/auth/me", nil)
	other.want(401, "GET", "/auth/me", nil)
	other.want(401, "POST", "/auth/refresh", nil)
}

// forgetAccess drops the access cookie, as a browser does after an hour.
func (u *user) forgetAccess() {
	u.t.Helper()
	at, err := http.NewRequest("GET", u.s.URL+"/", nil)
	if err != nil {
		u.t.Fatal(err)
	}
	u.client.Jar.SetCookies(at.URL, []*http.Cookie{{Name: "bugspark_access_token", Path: "/", MaxAge: -1}})
}

func TestAnAbsentSessionIsRefreshedOrEnded(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	u.forgetAccess()
	u.want(401, "GET", "/auth/me", nil)
	u.want(200, "POST", "/auth/refresh", nil)
	u.want(200, "GET", "/auth/me", nil)

	u.forgetAccess()
	u.want(200, "POST", "/auth/logout", nil)
	witness := s.nobody(t)
	witness.want(200, "POST", "/auth/login", map[string]any{"email": u.email, "password": secretWord})
	if left := witness.want(200, "GET", "/auth/sessions", nil).list; len(left) != 1 {
		t.Errorf("after signing out %d sessions are left: %v", len(left), left)
	}
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	login := s.nobody(t).want(200, "POST", "/auth/cli/login", map[string]any{"email": u.email, "password": secretWord})
	token := login.text("token")
	if !strings.HasPrefix(token, "bsk_pat_") || len(token) != 73 {
		t.Errorf("token %q", token)
	}
	cli := s.nobody(t, "Authorization", "Bearer "+token)
	cli.want(200, "GET", "/auth/me", nil)
	cli.want(201, "POST", "/projects", map[string]any{"name": "by token, so without CSRF"})
	listed := cli.want(200, "GET", "/auth/tokens", nil)
	if len(listed.list) != 1 || strings.Contains(string(listed.raw), token) || !strings.Contains(string(listed.raw), token[:16]+"...") {
		t.Errorf("listed %s", listed.raw)
	}
	// A browser's cookies do not rescue a bad token.
	u.header["Authorization"] = "Bearer " + token[:72] + "x"
	u.want(401, "GET", "/auth/me", nil)
	delete(u.header, "Authorization")

	short := u.want(201, "POST", "/auth/tokens", map[string]any{"name": "ci", "expiresInDays": 1})
	u.want(422, "POST", "/auth/tokens", map[string]any{"name": "ci", "expires_in_days": 366})
	stranger := s.account(t, "eve@example.org", nil)
	stranger.want(404, "DELETE", "/auth/tokens/"+short.text("id"), nil)
	u.want(204, "DELETE", "/auth/tokens/"+short.text("id"), nil)
	s.nobody(t, "Authorization", "Bearer "+short.text("token")).want(401, "GET", "/auth/me", nil)
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{LoginsPerAddress: 5})
	s.account(t, "ada@example.org", nil)
	n := s.nobody(t, "X-API-Key", "a random key must not help")
	var last answer
	for range 6 {
		last = n.do("POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": "guess"})
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" || last.text("error") == "" {
		t.Errorf("%d %s", last.status, last.raw)
	}
	s.ahead.Store(int64(2 * time.Minute))
	n.want(200, "POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": secretWord})
}
