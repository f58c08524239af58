package httpapi_test

import (
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/password"
)

// endings are what ends access to an account while a request of somebody waits that
// was right when it came.
func (s *server) endings(t *testing.T, a tracker.Account, owner *user) map[string]func() {
	t.Helper()
	set := func(active bool) {
		if _, err := s.store.ChangeAccount(t.Context(), a.ID, tracker.AccountChange{IsActive: &active}); err != nil {
			t.Error(err)
		}
	}
	reset := func(plain string) {
		hash, err := password.Hash(plain)
		if err == nil {
			err = s.store.ResetPassword(t.Context(), a.ID, hash)
		}
		if err != nil {
			t.Error(err)
		}
	}
	return map[string]func(){
		"the owner changes the password": func() {
			owner.want(200, "PUT", "/auth/me/password", map[string]any{"current_password": secretWord, "new_password": "another good sentence"})
		},
		"the password is reset":               func() { reset("another good sentence") },
		"the same password is set by a reset": func() { reset(secretWord) },
		"the account is disabled":             func() { set(false) },
		"it is disabled and enabled":          func() { set(false); set(true) },
	}
}

// A sign-in waits for its turn for half a minute at times. What ends access meanwhile
// ends it for that sign-in as well, whether a thief queued it or the owner.
func TestASignInDoesNotOutliveWhatEndsAccess(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/auth/login", "/auth/cli/login"} {
		for cause := range (&server{}).endings(t, tracker.Account{}, nil) {
			t.Run(path+" while "+cause, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, config.Limits{})
				owner := s.account(t, "ada@example.org", nil)
				a, err := s.store.AccountByEmail(t.Context(), owner.email)
				if err != nil {
					t.Fatal(err)
				}
				end := s.endings(t, a, owner)[cause]
				s.meanwhile.Store(&end)
				thief := s.nobody(t)
				got := thief.do("POST", path, map[string]any{"email": owner.email, "password": secretWord})
				if got.status != 401 || len(got.header["Set-Cookie"]) > 0 {
					t.Errorf("answered %d %s", got.status, got.raw)
				}
				if token := got.text("token"); token != "" {
					thief = s.nobody(t, "Authorization", "Bearer "+token)
				}
				if me := thief.do("GET", "/auth/me", nil); me.status != 401 {
					t.Errorf("is in: %d %s", me.status, me.raw)
				}
			})
		}
	}
}

// Nor does a session that ends in this moment leave anything behind.
func TestASessionThatEndsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const planted = "a sentence of the thief's"
	for path, body := range map[string]map[string]any{
		"/auth/me/password": {"current_password": secretWord, "new_password": planted},
		"/auth/tokens":      {"name": "ci"},
	} {
		for cause := range (&server{}).endings(t, tracker.Account{}, nil) {
			t.Run(path+" while "+cause, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, config.Limits{})
				owner := s.account(t, "ada@example.org", nil)
				thief := s.nobody(t)
				thief.want(200, "POST", "/auth/login", map[string]any{"email": owner.email, "password": secretWord})
				a, err := s.store.AccountByEmail(t.Context(), owner.email)
				if err != nil {
					t.Fatal(err)
				}
				method := "POST"
				if path == "/auth/me/password" {
					method = "PUT"
				}
				end := s.endings(t, a, owner)[cause]
				s.meanwhile.Store(&end)
				if got := thief.do(method, path, body); got.status != 401 {
					t.Errorf("answered %d %s", got.status, got.raw)
				}
				if got := s.nobody(t).do("POST", "/auth/login", map[string]any{"email": owner.email, "password": planted}); got.status != 401 {
					t.Errorf("with the thief's password: %d", got.status)
				}
				if tokens, err := s.store.Tokens(t.Context(), a.ID); err != nil || len(tokens) > 0 {
					t.Errorf("tokens %+v, %v", tokens, err)
				}
			})
		}
	}
}
