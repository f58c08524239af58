package dashboard_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/dashboard"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/password"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
	"github.com/bugspark/bugspark/internal/tracker/widget"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// site is API and dashboard behind one origin, as the proxy puts them.
type site struct {
	URL     string
	email   string
	oneTime string
	client  *http.Client
	store   *postgres.Store
	db      postgrestest.Database
	demos   atomic.Int64 // how often the script of /widget/demo was asked for
}

// newSite runs the real API on a database of its own, with an administrator who
// has a one-time password to change.
func newSite(t *testing.T) *site {
	t.Helper()
	front, err := dashboard.New(dashboard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db := postgrestest.NewDatabase(t)
	store := db.Open(t)
	objects, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &site{email: "admin@localhost", oneTime: "one-time-secret", store: store, db: db}
	hash, err := password.Hash(s.oneTime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateAccount(t.Context(), tracker.Account{
		Email: s.email, Name: "Ada Admin", PasswordHash: hash, IsSuperadmin: true, MustChangePassword: true,
	}); err != nil {
		t.Fatal(err)
	}
	// A widget that only notes that it was started: the real one has tests of its own.
	script, err := widget.New(widget.Options{Version: "1.2.3", Released: fstest.MapFS{}, Files: fstest.MapFS{
		"widget.js":  {Data: []byte("document.documentElement.dataset.widget = 'script'")},
		"widget.mjs": {Data: []byte("export const init = (o) => { document.documentElement.dataset.widget = o.projectKey }\nexport const open = () => {}")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	api := httpapi.New(httpapi.Options{
		Store: store, Objects: objects, PublicURL: server.URL, Secret: []byte("a secret of at least thirty-two bytes"),
		Limits: config.Limits{ReportBodyKiB: 4096, PictureMiB: 10}, Accounts: config.Accounts{SessionDays: 30},
		Widget: script, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	for _, path := range []string{"/api/", "/widget/", "/widget.js", "/widget.mjs", "/widget-1.2.3.js"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/widget/demo.js" {
				s.demos.Add(1)
			}
			api.ServeHTTP(w, r)
		})
	}
	mux.Handle("/", front)
	s.URL, s.client = server.URL, server.Client()
	return s
}

// member makes an account that has a role in a project; "" is none.
func (s *site) member(t *testing.T, email, secret, project string, role tracker.Role) {
	t.Helper()
	hash, err := password.Hash(secret)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.store.CreateAccount(t.Context(), tracker.Account{Email: email, Name: "Bob", PasswordHash: hash})
	if err != nil {
		t.Fatal(err)
	}
	if role == tracker.RoleNone {
		return
	}
	if _, err := s.db.Connect(t).Exec(t.Context(), `INSERT INTO project_members (id, project_id, account_id, email, role, accepted_at)
		VALUES (gen_random_uuid(), $1, $2, $3, $4, now())`, project, a.ID, email, role); err != nil {
		t.Fatal(err)
	}
}
