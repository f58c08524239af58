package httpapi

import (
	"context"
	"net/http"
)

// Store is the database as the API uses it. Every method returns a
// *tracker.Error with code NotFound for what is not there, and Unavailable when
// the database does not answer.
type Store interface {
	Reports
	Projects
	Accounts

	// Ping proves that the database answers.
	Ping(context.Context) error
}

// endpoint answers one request; its error is rendered, logged and counted in
// one place.
type endpoint func(http.ResponseWriter, *http.Request) error

// routes lists every endpoint of the API.
func (a *API) routes() *http.ServeMux {
	mux := http.NewServeMux()
	on := func(pattern string, e endpoint) { mux.Handle(pattern, a.render(e)) }

	// Probes.
	on("GET /health", a.health)
	on("GET /livez", a.live)
	on("GET /readyz", a.health)

	// The widget, by API key.
	on("GET /api/v1/projects/widget-config", a.widgetConfig)
	on("GET /api/v1/projects/console-log-quota", a.consoleLogQuota)
	on("POST /api/v1/upload/screenshot", a.uploadScreenshot)
	on("POST /api/v1/reports", a.createReport)

	// Signing in.
	on("POST /api/v1/auth/login", a.login)
	on("POST /api/v1/auth/refresh", a.refresh)
	on("POST /api/v1/auth/logout", a.logout)
	on("POST /api/v1/auth/cli/login", a.cliLogin)
	on("GET /api/v1/auth/me", a.allowExpiredPassword(a.me))
	on("PATCH /api/v1/auth/me", a.signedIn(a.changeMe))
	on("PUT /api/v1/auth/me/password", a.allowExpiredPassword(a.changePassword))
	on("GET /api/v1/auth/sessions", a.signedIn(a.listSessions))
	on("DELETE /api/v1/auth/sessions/{id}", a.signedIn(a.endSession))
	on("GET /api/v1/auth/usage", a.signedIn(a.usage))
	on("GET /api/v1/auth/tokens", a.signedIn(a.listTokens))
	on("POST /api/v1/auth/tokens", a.signedIn(a.createToken))
	on("DELETE /api/v1/auth/tokens/{id}", a.signedIn(a.deleteToken))

	// Projects.
	on("GET /api/v1/projects", a.signedIn(a.listProjects))
	on("POST /api/v1/projects", a.signedIn(a.createProject))
	on("GET /api/v1/projects/{id}", a.signedIn(a.getProject))
	on("PATCH /api/v1/projects/{id}", a.signedIn(a.changeProject))
	on("DELETE /api/v1/projects/{id}", a.signedIn(a.deleteProject))
	on("POST /api/v1/projects/{id}/rotate-key", a.signedIn(a.rotateKey))

	// Reports.
	on("GET /api/v1/reports", a.signedIn(a.listReports))
	on("GET /api/v1/reports/{id}", a.signedIn(a.getReport))
	on("PATCH /api/v1/reports/{id}", a.signedIn(a.changeReport))
	on("DELETE /api/v1/reports/{id}", a.signedIn(a.deleteReport))
	on("GET /api/v1/pictures/{token}", a.picture)

	// Administration.
	on("GET /api/v1/admin/users", a.administrator(a.listUsers))
	on("GET /api/v1/admin/users/{id}", a.administrator(a.getUser))
	on("PATCH /api/v1/admin/users/{id}", a.administrator(a.changeUser))

	// Features of the cloud service; see cloud.go.
	on("GET /api/v1/billing/subscription", a.signedIn(a.subscription))
	on("POST /api/v1/billing/cancel-subscription", a.signedIn(a.noBilling))
	on("GET /api/v1/billing/invoices", a.signedIn(a.invoices))
	on("GET /api/v1/plans/limits", a.planLimits)
	on("GET /api/v1/auth/beta-mode", a.betaMode)
	on("GET /api/v1/auth/google/status", a.googleStatus)
	for _, path := range []string{"register", "register/beta", "cli/register", "cli/register/beta"} {
		on("POST /api/v1/auth/"+path, a.registrationClosed)
	}
	return mux
}
