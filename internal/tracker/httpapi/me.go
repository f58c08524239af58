package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/password"
)

// userView is an account as clients see it. The members about billing and mail are
// constants, because this product has neither.
type userView struct {
	ID                      string          `json:"id"`
	Email                   string          `json:"email"`
	Name                    string          `json:"name"`
	Role                    string          `json:"role"`
	Plan                    string          `json:"plan"`
	IsActive                bool            `json:"isActive"`
	IsEmailVerified         bool            `json:"isEmailVerified"`
	BetaStatus              string          `json:"betaStatus"`
	PlanExpiresAt           *string         `json:"planExpiresAt"`
	SubscriptionStatus      *string         `json:"subscriptionStatus"`
	CancelAtPeriodEnd       bool            `json:"cancelAtPeriodEnd"`
	NotificationPreferences map[string]bool `json:"notificationPreferences"`
	CreatedAt               time.Time       `json:"createdAt"`
	HasGoogleLinked         bool            `json:"hasGoogleLinked"`
	HasPassword             bool            `json:"hasPassword"`
	MustChangePassword      bool            `json:"mustChangePassword,omitempty"`
}

func role(account tracker.Account) string {
	if account.IsSuperadmin {
		return "superadmin"
	}
	return "user"
}

func (a *API) userView(account tracker.Account) userView {
	return userView{
		ID: account.ID, Email: account.Email, Name: account.Name, Role: role(account), Plan: "enterprise",
		IsActive: account.IsActive, IsEmailVerified: true, BetaStatus: "none", NotificationPreferences: account.NotificationPreferences,
		CreatedAt: account.CreatedAt.UTC(), HasPassword: account.PasswordHash != "", MustChangePassword: account.MustChangePassword,
	}
}

func (a *API) me(w http.ResponseWriter, r *http.Request) error {
	if c, err := r.Cookie(csrfCookie); err == nil {
		w.Header().Set("X-Csrf-Token", c.Value)
	}
	writeJSON(w, http.StatusOK, a.userView(callerOf(r).account))
	return nil
}

func (a *API) changeMe(w http.ResponseWriter, r *http.Request) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	c := tracker.ProfileChange{Name: f.text("name")}
	if v, ok := f.get("notification_preferences"); ok && !isNull(v) {
		if json.Unmarshal(v, &c.NotificationPreferences) != nil {
			f.missing("notification_preferences", "must be an object of true and false")
		}
	}
	if err := f.err(c.Validate()); err != nil {
		return err
	}
	account, err := a.Store.UpdateProfile(r.Context(), callerOf(r).account.ID, c)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, a.userView(account))
	return nil
}

func (a *API) changePassword(w http.ResponseWriter, r *http.Request) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	current := required(f, "current_password", f.limited("current_password", 1, maxSentPassword))
	next := required(f, "new_password", f.limited("new_password", 1, maxSentPassword))
	if next != "" {
		if err := password.Check(next); err != nil {
			f.problem("new_password", "%v", err)
		} else if next == current {
			f.problem("new_password", "must differ from the current one")
		}
	}
	if err := f.err(nil); err != nil {
		return err
	}
	c := callerOf(r)
	// Counted by session: whoever sits at one must not keep the others from it.
	if err := a.changes.take(c.session.ID+" "+c.account.ID, c.account.ID); err != nil {
		return err
	}
	var right bool
	var hash string
	if busy := a.hash(r.Context(), func() {
		if right = password.Verify(c.account.PasswordHash, current); right {
			hash, err = password.Hash(next)
		}
	}); busy != nil {
		return busy
	}
	if err != nil {
		return err
	}
	if !right {
		return tracker.Errorf(tracker.Refused, "the current password is wrong")
	}
	if err := a.Store.SetPassword(r.Context(), c.account, hash, c.session.ID); err != nil {
		return unauthorizedIfMissing(err)
	}
	writeJSON(w, http.StatusOK, problem{Detail: "the password is changed; every other session and every sign-in of the command-line client has ended, other access tokens stay"})
	return nil
}

type sessionView struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	SeenAt    time.Time `json:"seenAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	Address   string    `json:"address"`
	UserAgent string    `json:"userAgent"`
	Current   bool      `json:"current"`
}

func (a *API) listSessions(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	sessions, err := a.Store.Sessions(r.Context(), c.account.ID)
	if err != nil {
		return err
	}
	out := make([]sessionView, len(sessions))
	for i, s := range sessions {
		out[i] = sessionView{s.ID, s.CreatedAt.UTC(), s.SeenAt.UTC(), s.ExpiresAt.UTC(), s.Address, s.UserAgent, s.ID == c.session.ID}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (a *API) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	sessions, err := a.Store.Sessions(r.Context(), callerOf(r).account.ID)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if s.ID == id {
			if err := a.Store.EndSession(r.Context(), id); err != nil {
				return err
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	return tracker.Errorf(tracker.NotFound, "there is no such session")
}
