package httpapi

import (
	"net/http"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

const tokenPrefix = "bsk_pat_"

// cliLifetime is how long a token of the command-line client is valid.
const cliLifetime = 90 * 24 * time.Hour

// newToken returns the text of an access token, which is not stored.
func newToken() (string, error) {
	text, err := newSecret(tokenPrefix, 48)
	return text + "=", err // 48 bytes need no padding, but published tokens end in one
}

func (a *API) cliLogin(w http.ResponseWriter, r *http.Request) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	account, err := a.authenticate(r, f)
	if err != nil {
		return err
	}
	if account.MustChangePassword {
		// No 403, whose text the client throws away.
		return tracker.Errorf(tracker.Refused, "change the one-time password first: sign in to the dashboard")
	}
	text, err := newToken()
	if err != nil {
		return err
	}
	if _, err := a.Store.CreateCLIToken(r.Context(), account, digest(text), text[:16], a.Now().Add(cliLifetime)); err != nil {
		return wrongIfEnded(err)
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"id": account.ID, "email": account.Email, "name": account.Name, "role": role(account), "plan": "enterprise", "token": text,
	})
	return nil
}

type tokenView struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Token       string     `json:"token,omitempty"`
	TokenPrefix string     `json:"tokenPrefix,omitempty"`
	LastUsedAt  *time.Time `json:"lastUsedAt"`
	ExpiresAt   *time.Time `json:"expiresAt"`
	CreatedAt   time.Time  `json:"createdAt"`
}

func newTokenView(t tracker.AccessToken) tokenView {
	return tokenView{ID: t.ID, Name: t.Name, LastUsedAt: utc(t.LastUsedAt), ExpiresAt: utc(t.ExpiresAt), CreatedAt: t.CreatedAt.UTC()}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func (a *API) createToken(w http.ResponseWriter, r *http.Request) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	t := tracker.AccessToken{Name: required(f, "name", f.text("name"))}
	days := f.integer("expires_in_days", 1, tracker.MaxTokenDays)
	if err := f.err(t.Validate()); err != nil {
		return err
	}
	account := callerOf(r).account
	if days != nil {
		expires := a.Now().AddDate(0, 0, *days)
		t.ExpiresAt = &expires
	}
	text, err := newToken()
	if err != nil {
		return err
	}
	t, err = a.Store.CreateToken(r.Context(), account, t.Name, digest(text), text[:16], t.ExpiresAt)
	if err != nil {
		return unauthorizedIfMissing(err)
	}
	v := newTokenView(t)
	v.Token = text
	writeJSON(w, http.StatusCreated, v)
	return nil
}

func (a *API) listTokens(w http.ResponseWriter, r *http.Request) error {
	tokens, err := a.Store.Tokens(r.Context(), callerOf(r).account.ID)
	if err != nil {
		return err
	}
	out := make([]tokenView, len(tokens))
	for i, t := range tokens {
		out[i] = newTokenView(t)
		out[i].TokenPrefix = t.Prefix + "..."
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (a *API) deleteToken(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteToken(r.Context(), callerOf(r).account.ID, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
