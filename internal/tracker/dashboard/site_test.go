package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

// site is API and dashboard behind one origin, as the proxy puts them.
type site struct {
	URL     string
	email   string
	oneTime string
	client  *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	front, err := dashboard.New(dashboard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	api := &apiDouble{password: "one-time-secret", must: true}
	mux := http.NewServeMux()
	mux.Handle("/api/", api.handler())
	mux.Handle("/", front)
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	return &site{URL: server.URL, email: "admin@localhost", oneTime: "one-time-secret", client: server.Client()}
}
