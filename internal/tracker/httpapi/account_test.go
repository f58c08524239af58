package httpapi_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
)

func superadmin(a *tracker.Account) { a.IsSuperadmin = true }

// access is every kind of credentials of one account.
type access struct {
	browser, cli, script *user
}

func (s *server) accessOf(t *testing.T, email, plain string) access {
	t.Helper()
	who := map[string]any{"email": email, "password": plain}
	browser := s.nobody(t)
	browser.want(200, "POST", "/auth/login", who)
	script := browser.want(201, "POST", "/auth/tokens", map[string]any{"name": "ci"}).text("token")
	cli := s.nobody(t).want(200, "POST", "/auth/cli/login", who).text("token")
	return access{browser, s.nobody(t, "Authorization", "Bearer "+cli), s.nobody(t, "Authorization", "Bearer "+script)}
}

func (c access) want(t *testing.T, browser, cli, script int) {
	t.Helper()
	for name, w := range map[string]struct {
		u      *user
		status int
	}{"browser": {c.browser, browser}, "cli": {c.cli, cli}, "script": {c.script, script}} {
		if a := w.u.do("GET", "/auth/me", nil); a.status != w.status {
			t.Errorf("%s: %d instead of %d", name, a.status, w.status)
		}
	}
}

func TestANewPasswordEndsWhatAThiefMayHave(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	other := s.accessOf(t, u.email, secretWord)
	u.want(200, "PUT", "/auth/me/password", map[string]any{"current_password": secretWord, "new_password": "another good sentence"})
	u.want(200, "GET", "/auth/me", nil) // the one that changed it goes on
	other.want(t, 401, 401, 200)        // and what was made for a script, which the answer tells

	a, err := s.store.AccountByEmail(t.Context(), u.email)
	if err != nil {
		t.Fatal(err)
	}
	// An administrator resets a password when the account may be in other hands.
	if err := s.store.ResetPassword(t.Context(), a.ID, a.PasswordHash); err != nil {
		t.Fatal(err)
	}
	other.want(t, 401, 401, 401)
	u.want(401, "GET", "/auth/me", nil)
}

func TestADisabledAccountIsOutAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	boss := s.account(t, "root@example.org", superadmin)
	u := s.account(t, "ada@example.org", nil)
	id := u.want(200, "GET", "/auth/me", nil).text("id")
	_, widget := u.project("shop", "")
	had := s.accessOf(t, u.email, secretWord)
	had.want(t, 200, 200, 200)
	for _, path := range []string{"/admin/users", "/admin/users/" + id} {
		u.want(403, "GET", path, nil)
	}
	u.want(403, "PATCH", "/admin/users/"+id, map[string]any{"role": "superadmin"})
	if a := boss.want(200, "PATCH", "/admin/users/"+id, map[string]any{"isActive": false}); a.object["isActive"] != false {
		t.Errorf("answered %s", a.raw)
	}
	had.want(t, 401, 401, 401)
	s.nobody(t).want(401, "POST", "/auth/login", map[string]any{"email": u.email, "password": secretWord})
	s.nobody(t).want(401, "POST", "/auth/cli/login", map[string]any{"email": u.email, "password": secretWord})
	had.browser.want(200, "POST", "/auth/logout", nil)
	widget.want(201, "POST", "/reports", bug()) // the project is the team's, not the account's

	boss.want(200, "PATCH", "/admin/users/"+id, map[string]any{"is_active": true})
	had.want(t, 401, 401, 401) // what ended does not come back
	s.accessOf(t, u.email, secretWord).want(t, 200, 200, 200)
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	boss := s.account(t, "root@example.org", superadmin)
	second := s.account(t, "second@example.org", superadmin)
	me := boss.want(200, "GET", "/auth/me", nil).text("id")
	other := second.want(200, "GET", "/auth/me", nil).text("id")
	boss.want(400, "PATCH", "/admin/users/"+me, map[string]any{"role": "user"})
	boss.want(400, "PATCH", "/admin/users/"+me, map[string]any{"is_active": false})
	boss.want(400, "PATCH", "/admin/users/"+other, map[string]any{"role": "emperor"})
	boss.want(404, "PATCH", "/admin/users/00000000-0000-4000-8000-000000000000", map[string]any{"is_active": false})
	boss.want(200, "PATCH", "/admin/users/"+other, map[string]any{"role": "user"})
	second.want(403, "GET", "/admin/users", nil)

	off := false
	_, err := s.store.ChangeAccount(t.Context(), me, tracker.AccountChange{IsActive: &off})
	if tracker.CodeOf(err) != tracker.Refused {
		t.Errorf("the last administrator: %v", err)
	}
	boss.want(200, "GET", "/auth/me", nil)
}

func TestAccountsAreListed(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	boss := s.account(t, "root@example.org", superadmin)
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	widget.want(201, "POST", "/reports", bug())
	for query, want := range map[string]float64{"": 2, "?search=ADA": 2, "?search=ada%40": 1, "?search=%25": 0, "?role=superadmin": 1, "?role=admin": 0, "?plan=enterprise": 2, "?plan=free": 0, "?page_size=1&page=2": 2} {
		a := boss.want(200, "GET", "/admin/users"+query, nil)
		items, _ := a.object["items"].([]any)
		if query == "?search=ADA" { // both are named Ada
			want = 2
		}
		if a.object["total"] != want || (query == "?page_size=1&page=2" && len(items) != 1) {
			t.Errorf("%s: %s", query, a.raw)
		}
	}
	a := boss.want(200, "GET", "/admin/users?search=ada%40", nil)
	item, _ := a.object["items"].([]any)[0].(map[string]any)
	if item["projectCount"] != 1.0 || item["reportCountMonth"] != 1.0 || item["role"] != "user" || item["isActive"] != true || item["plan"] != "enterprise" {
		t.Errorf("listed %v", item)
	}
	for _, secret := range []string{"argon2", "assword"} {
		if got := string(a.raw); len(got) > 0 && strings.Contains(got, secret) {
			t.Errorf("a list tells %s: %s", secret, got)
		}
	}
	boss.want(422, "GET", "/admin/users?page=0", nil)
	boss.want(422, "GET", "/admin/users/x", nil)
}
