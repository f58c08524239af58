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

func (a *API) usage(w http.ResponseWriter, r *http.Request) error {
	projects, err := a.Store.ListProjects(r.Context(), callerOf(r).viewer())
	if err != nil {
		return err
	}
	month, err := a.Store.ListReports(r.Context(), tracker.ReportFilter{Viewer: callerOf(r).viewer(), Since: firstOfMonth(a.Now()), Page: 1, PageSize: 1})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"projects":         map[string]any{"current": len(projects), "limit": nil},
		"reportsThisMonth": map[string]any{"current": month.Total, "limit": nil},
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

func (a *API) registrationClosed(http.ResponseWriter, *http.Request) error {
	return tracker.Errorf(tracker.Forbidden, "registration is closed on this server; ask its administrator for an account")
}
