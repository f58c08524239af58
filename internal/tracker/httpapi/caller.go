package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/bugspark/bugspark/internal/tracker"
)

// Names of the dashboard's cookies.
const (
	accessCookie  = "bugspark_access_token"
	refreshCookie = "bugspark_refresh_token"
	csrfCookie    = "bugspark_csrf_token"
)

// refreshPath is where the refresh secret is sent: to refresh and to sign out.
const refreshPath = "/api/v1/auth"

// caller is the account that a request's credentials belong to.
type caller struct {
	account tracker.Account
	session tracker.Session // of the dashboard; zero for an access token
}

func (c caller) viewer() tracker.Viewer {
	return tracker.Viewer{AccountID: c.account.ID, IsSuperadmin: c.account.IsSuperadmin}
}

type callerKey struct{}

// callerOf returns the caller that signedIn or allowExpiredPassword found.
func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// signedIn admits accounts, by access token or by cookie, unless they must change
// their password first.
func (a *API) signedIn(e endpoint) endpoint {
	return a.allowExpiredPassword(func(w http.ResponseWriter, r *http.Request) error {
		if callerOf(r).account.MustChangePassword {
			return errPasswordChange
		}
		return e(w, r)
	})
}

// allowExpiredPassword admits accounts even while their password must be changed.
func (a *API) allowExpiredPassword(e endpoint) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := a.identify(r)
		if err != nil {
			return err
		}
		if !c.account.IsActive {
			return errUnauthorized()
		}
		return e(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	}
}

func errUnauthorized() error {
	return tracker.Errorf(tracker.Unauthorized, "sign in first, or send a valid access token")
}

// identify reads the credentials. With a Bearer header only an access token
// counts, and cookies are ignored.
func (a *API) identify(r *http.Request) (caller, error) {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		if !strings.HasPrefix(token, "bsk_pat_") || len(token) > 200 {
			return caller{}, errUnauthorized()
		}
		account, err := a.Store.AccountByToken(r.Context(), digest(token))
		return caller{account: account}, unauthorizedIfMissing(err)
	}
	access, err := r.Cookie(accessCookie)
	if err != nil || access.Value == "" {
		return caller{}, errUnauthorized()
	}
	session, account, err := a.Store.SessionByAccess(r.Context(), digest(access.Value))
	if err != nil {
		return caller{}, unauthorizedIfMissing(err)
	}
	return caller{account, session}, checkCSRF(r)
}

// unauthorizedIfMissing turns "no such secret" into "not signed in".
func unauthorizedIfMissing(err error) error {
	if tracker.CodeOf(err) == tracker.NotFound && err != nil {
		return errUnauthorized()
	}
	return err
}

// checkCSRF compares the double-submitted token of a write that relies on
// cookies: another site can make a browser send cookies, but cannot read them.
func checkCSRF(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	cookie, err := r.Cookie(csrfCookie)
	header := r.Header.Get("X-Csrf-Token")
	if err != nil || header == "" || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(header)) != 1 {
		return tracker.Errorf(tracker.Forbidden, "the X-CSRF-Token header does not match its cookie; reload the page")
	}
	return nil
}

// digest returns the SHA-256 by which secrets are stored and looked up.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// authorize returns a project in which the caller has at least the role need.
func (a *API) authorize(r *http.Request, project string, need tracker.Role) (tracker.Project, error) {
	p, err := a.Store.Project(r.Context(), callerOf(r).viewer(), project)
	if err != nil {
		return p, err
	}
	if !p.Role.Allows(need) {
		return p, tracker.Errorf(tracker.Forbidden, "this needs the role %s in the project", need)
	}
	return p, nil
}
