package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/password"
)

// accessLifetime is how long an access secret is good before the dashboard
// refreshes it.
const accessLifetime = time.Hour

// maxSentPassword bounds, in characters, what is compared with a hash.
const maxSentPassword = 1024

// decoyHash is the hash of no known password. It is verified for an unknown address,
// so that the answer takes as long as for a wrong password.
const decoyHash = "$argon2id$v=19$m=19456,t=2,p=1$ZGVjb3lkZWNveWRlY295cw$6dT7JTkJ5rVwLe0aSG8vRnQy3rXc6mN3x1Wb9n0Y0Vg"

// authenticate checks an address and a password.
func (a *API) authenticate(r *http.Request, f *fields) (tracker.Account, error) {
	email := strings.ToLower(strings.TrimSpace(required(f, "email", f.limited("email", 1, tracker.MaxEmail))))
	plain := required(f, "password", f.limited("password", 1, maxSentPassword))
	if err := f.err(nil); err != nil {
		return tracker.Account{}, err
	}
	account, err := a.Store.AccountByEmail(r.Context(), email)
	if err != nil && tracker.CodeOf(err) != tracker.NotFound {
		return account, err
	}
	network := clientNetwork(r)
	familiar := func() (bool, error) { return a.familiar(r.Context(), account.ID, network) }
	try, limited := a.attempts.begin(email, network, familiar)
	if limited == nil {
		limited = try.pause(r.Context())
	}
	if limited != nil {
		return account, limited
	}
	hash := account.PasswordHash
	if err != nil || hash == "" {
		hash = decoyHash
	}
	var right bool
	if busy := a.hash(r.Context(), func() { right = password.Verify(hash, plain) }); busy != nil {
		return account, busy
	}
	if !right || err != nil || !account.IsActive {
		known, unknown := familiar()
		if unknown != nil {
			return account, unknown
		}
		try.failed(known)
		return account, errWrongPassword()
	}
	try.succeeded()
	return account, nil
}

func errWrongPassword() error {
	return tracker.Errorf(tracker.Unauthorized, "the address or the password is wrong")
}

// wrongIfEnded says of a password that was right when it was checked, and was changed
// before that led to anything, what it says of every wrong one.
func wrongIfEnded(err error) error {
	if err != nil && tracker.CodeOf(err) == tracker.NotFound {
		return errWrongPassword()
	}
	return err
}

// familiar reports whether the account has a session from that network.
func (a *API) familiar(ctx context.Context, account, network string) (bool, error) {
	if account == "" {
		return false, nil
	}
	sessions, err := a.Store.Sessions(ctx, account)
	if tracker.CodeOf(err) == tracker.NotFound {
		return false, nil
	}
	for _, s := range sessions {
		if networkOf(s.Address) == network {
			return true, nil
		}
	}
	return false, err
}

// hash runs work on passwords, at most four at a time: each takes 19 MiB, and many
// sign-ins at once must not use up the memory.
func (a *API) hash(ctx context.Context, work func()) error {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
		work()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *API) login(w http.ResponseWriter, r *http.Request) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	account, err := a.authenticate(r, f)
	if err != nil {
		return err
	}
	access, refresh, err := newSecrets()
	if err != nil {
		return err
	}
	now := a.Now()
	session, err := a.Store.CreateSession(r.Context(), account, tracker.Session{
		ExpiresAt: now.AddDate(0, 0, a.Accounts.SessionDays), AccessUntil: now.Add(accessLifetime),
		Address: clientAddress(r), UserAgent: truncate(r.UserAgent(), 255),
	}, digest(access), digest(refresh))
	if err != nil {
		return wrongIfEnded(err)
	}
	if err := a.setCookies(w, access, refresh, session.ExpiresAt); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, a.userView(account))
	return nil
}

func (a *API) refresh(w http.ResponseWriter, r *http.Request) error {
	cookie, err := r.Cookie(refreshCookie)
	if err != nil || cookie.Value == "" {
		return errUnauthorized()
	}
	access, refresh, err := newSecrets()
	if err != nil {
		return err
	}
	now := a.Now()
	session, account, err := a.Store.RotateSession(r.Context(), digest(cookie.Value), digest(access), digest(refresh),
		now.Add(accessLifetime), now.AddDate(0, 0, a.Accounts.SessionDays))
	if err != nil {
		return unauthorizedIfMissing(err)
	}
	if !account.IsActive {
		return errUnauthorized()
	}
	if err := a.setCookies(w, access, refresh, session.ExpiresAt); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, a.userView(account))
	return nil
}

// logout succeeds even when the session has ended, because the cookies are cleared
// either way.
func (a *API) logout(w http.ResponseWriter, r *http.Request) error {
	session, err := a.sessionToEnd(r)
	if err == nil && session != "" {
		err = a.Store.EndSession(r.Context(), session)
	}
	if code := tracker.CodeOf(err); err != nil && code != tracker.Unauthorized && code != tracker.NotFound {
		return err
	}
	for name, path := range map[string]string{accessCookie: "/", refreshCookie: refreshPath, csrfCookie: "/"} {
		http.SetCookie(w, &http.Cookie{Name: name, Path: path, MaxAge: -1, Secure: true, HttpOnly: name != csrfCookie, SameSite: http.SameSiteLaxMode})
	}
	writeJSON(w, http.StatusOK, problem{Detail: "signed out"})
	return nil
}

// sessionToEnd returns the session to end, "" for an access token. When the access
// secret has expired, the refresh secret identifies the session, because it must not
// stay valid after signing out.
func (a *API) sessionToEnd(r *http.Request) (string, error) {
	c, err := a.identify(r)
	if err == nil || tracker.CodeOf(err) != tracker.Unauthorized {
		return c.session.ID, err
	}
	cookie, missing := r.Cookie(refreshCookie)
	if missing != nil || cookie.Value == "" {
		return "", err
	}
	if err := checkCSRF(r); err != nil {
		return "", err
	}
	access, refresh, err := newSecrets()
	if err != nil {
		return "", err
	}
	now := a.Now()
	session, _, err := a.Store.RotateSession(r.Context(), digest(cookie.Value), digest(access), digest(refresh), now.Add(time.Minute), now.Add(time.Minute))
	return session.ID, err
}

// setCookies sets the cookies of a session. They are always Secure, because the proxy
// serves only TLS.
func (a *API) setCookies(w http.ResponseWriter, access, refresh string, expires time.Time) error {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	csrf := hex.EncodeToString(raw)
	left := int(expires.Sub(a.Now()).Seconds())
	for _, c := range []http.Cookie{
		{Name: accessCookie, Value: access, Path: "/", MaxAge: int(accessLifetime.Seconds()), HttpOnly: true},
		{Name: refreshCookie, Value: refresh, Path: refreshPath, MaxAge: left, HttpOnly: true},
		{Name: csrfCookie, Value: csrf, Path: "/", MaxAge: left},
	} {
		c.Secure, c.SameSite = true, http.SameSiteLaxMode
		http.SetCookie(w, &c)
	}
	w.Header().Set("X-Csrf-Token", csrf)
	return nil
}

func newSecrets() (access, refresh string, err error) {
	if access, err = newSecret("", 32); err != nil {
		return "", "", err
	}
	refresh, err = newSecret("", 32)
	return access, refresh, err
}

// newSecret returns prefix and n random bytes in URL-safe base64.
func newSecret(prefix string, n int) (string, error) {
	raw := make([]byte, n)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return prefix + base64.URLEncoding.EncodeToString(raw), nil
}

// truncate shortens text to at most n bytes without cutting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
