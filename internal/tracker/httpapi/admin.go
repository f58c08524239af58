package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

// administrator admits superadmins.
func (a *API) administrator(e endpoint) endpoint {
	return a.signedIn(func(w http.ResponseWriter, r *http.Request) error {
		if !callerOf(r).account.IsSuperadmin {
			return tracker.Errorf(tracker.Forbidden, "only an administrator of this server may do this")
		}
		return e(w, r)
	})
}

// adminUserView is an account as administrators see it.
type adminUserView struct {
	ID               string     `json:"id"`
	Email            string     `json:"email"`
	Name             string     `json:"name"`
	Role             string     `json:"role"`
	Plan             string     `json:"plan"`
	IsActive         bool       `json:"isActive"`
	BetaStatus       string     `json:"betaStatus"`
	PlanExpiresAt    *string    `json:"planExpiresAt"`
	CreatedAt        time.Time  `json:"createdAt"`
	UpdatedAt        time.Time  `json:"updatedAt"`
	ProjectCount     int        `json:"projectCount"`
	ReportCountMonth int        `json:"reportCountMonth"`
	SeenAt           *time.Time `json:"seenAt"`
}

func newAdminUserView(s tracker.AccountSummary) adminUserView {
	return adminUserView{
		ID: s.ID, Email: s.Email, Name: s.Name, Role: role(s.Account), Plan: "enterprise", IsActive: s.IsActive, BetaStatus: "none",
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, ProjectCount: s.Projects, ReportCountMonth: s.ReportsThisMonth, SeenAt: s.SeenAt,
	}
}

func (a *API) listUsers(w http.ResponseWriter, r *http.Request) error {
	q, in := r.URL.Query(), &fields{}
	f := tracker.AccountFilter{Search: truncate(q.Get("search"), 500), Page: 1, PageSize: 20}
	nobody := false
	switch text := q.Get("role"); text {
	case "":
	case "superadmin", "user":
		super := text == "superadmin"
		f.IsSuperadmin = &super
	default:
		nobody = true // of the original's roles nobody here has this one
	}
	nobody = nobody || (q.Get("plan") != "" && q.Get("plan") != "enterprise")
	for name, into := range map[string]*int{"page": &f.Page, "page_size": &f.PageSize} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if high := map[string]int{"page": 1_000_000, "page_size": 100}[name]; err != nil || n < 1 || n > high {
				in.problem(name, "must be a whole number from 1 to %d", high)
				continue
			}
			*into = n
		}
	}
	if err := in.err(nil); err != nil {
		return err
	}
	items, total := []adminUserView{}, 0
	if !nobody {
		found, n, err := a.Store.ListAccounts(r.Context(), f)
		if err != nil {
			return err
		}
		total = n
		for _, s := range found {
			items = append(items, newAdminUserView(s))
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items, "total": total, "page": f.Page, "pageSize": f.PageSize})
	return nil
}

func (a *API) getUser(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	found, _, err := a.Store.ListAccounts(r.Context(), tracker.AccountFilter{ID: id})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return tracker.Errorf(tracker.NotFound, "there is no such account")
	}
	writeJSON(w, http.StatusOK, newAdminUserView(found[0]))
	return nil
}

// changeUser changes role and state of somebody else's account.
func (a *API) changeUser(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	f, err := decode(r)
	if err != nil {
		return err
	}
	c := tracker.AccountChange{IsActive: f.boolean("is_active")}
	wanted := f.text("role")
	if err := f.err(nil); err != nil {
		return err
	}
	if wanted != nil {
		super := *wanted == "superadmin"
		if !super && *wanted != "user" {
			return tracker.Errorf(tracker.Refused, "the role must be user or superadmin")
		}
		c.IsSuperadmin = &super
	}
	me := callerOf(r).account
	if id == me.ID && (c.IsSuperadmin != nil && !*c.IsSuperadmin || c.IsActive != nil && !*c.IsActive) {
		return tracker.Errorf(tracker.Refused, "nobody disables their own account or takes away their own role; ask another administrator")
	}
	changed, err := a.Store.ChangeAccount(r.Context(), id, c)
	if err != nil {
		return err
	}
	a.Log.Info("an account was changed", "account", changed.Email, "active", changed.IsActive, "role", role(changed), "by", me.Email)
	return a.getUser(w, r)
}
