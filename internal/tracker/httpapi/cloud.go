package httpapi

import (
	"net/http"

	"github.com/bugspark/bugspark/internal/tracker"
)

// The endpoints of this file belong to features of the cloud service. Published
// clients call them and get the answers of a server without plans.

func (a *API) subscription(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{
		"plan": "enterprise", "status": nil, "currentPeriodEnd": nil, "planExpiresAt": nil, "cancelAtPeriodEnd": false,
		"billingInterval": nil, "amount": nil, "pendingDowngradePlan": nil,
	})
	return nil
}

func (a *API) noBilling(http.ResponseWriter, *http.Request) error {
	return tracker.Errorf(tracker.Refused, "this server has no billing: there is nothing to cancel")
}

func (a *API) invoices(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, []any{})
	return nil
}

func (a *API) planLimits(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{"enterprise": map[string]any{
		"max_projects": nil, "max_reports_per_project": nil, "max_reports_per_month": nil, "max_team_members_per_project": nil,
	}})
	return nil
}

// usage counts what the caller owns, of superadmins too.
func (a *API) usage(w http.ResponseWriter, r *http.Request) error {
	owned, err := a.Store.Usage(r.Context(), callerOf(r).account.ID, firstOfMonth(a.Now()))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"projects":         map[string]any{"current": owned.Projects, "limit": nil},
		"reportsThisMonth": map[string]any{"current": owned.Reports, "limit": nil},
	})
	return nil
}

func (a *API) betaMode(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]bool{"betaModeEnabled": false})
	return nil
}

func (a *API) googleStatus(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]bool{"enabled": false})
	return nil
}

// registrationClosed is no 403, whose text the command-line client throws away.
func (a *API) registrationClosed(http.ResponseWriter, *http.Request) error {
	return tracker.Errorf(tracker.Refused, "registration is closed on this server; ask its administrator for an account")
}
