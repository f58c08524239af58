package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/password"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

const secretWord = "a sentence nobody guesses"

// server is the real API on a database of its own.
type server struct {
	*httptest.Server
	database postgrestest.Database
	store    *postgres.Store
	objects  *filesystem.Store
	full     atomic.Bool  // its disk
	ahead    atomic.Int64 // how far its clock is ahead, in nanoseconds
	// meanwhile runs once, between the look at an account and what the request does with it.
	meanwhile atomic.Pointer[func()]
	gone      atomic.Bool // clients leave before the rows of their pictures
}

// slowStore lets something happen after an account was looked at.
type slowStore struct {
	*postgres.Store
	s *server
}

func (s slowStore) pass() {
	if f := s.s.meanwhile.Swap(nil); f != nil {
		(*f)()
	}
}

func (s slowStore) AccountByEmail(ctx context.Context, email string) (tracker.Account, error) {
	a, err := s.Store.AccountByEmail(ctx, email)
	s.pass()
	return a, err
}

func (s slowStore) SessionByAccess(ctx context.Context, hash string) (tracker.Session, tracker.Account, error) {
	session, a, err := s.Store.SessionByAccess(ctx, hash)
	s.pass()
	return session, a, err
}

func (s slowStore) AddPicture(ctx context.Context, project, key, kind string, size int64) error {
	if s.s.gone.Load() {
		return context.Canceled
	}
	return s.Store.AddPicture(ctx, project, key, kind, size)
}

func newServer(t *testing.T, limits config.Limits) *server {
	t.Helper()
	s := &server{database: postgrestest.NewDatabase(t)}
	s.store = s.database.Open(t)
	objects, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.objects = objects
	if limits.ReportBodyKiB == 0 {
		limits.ReportBodyKiB = 4096
	}
	if limits.PictureMiB == 0 {
		limits.PictureMiB = 1
	}
	mux := http.NewServeMux()
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	mux.Handle("/", httpapi.New(httpapi.Options{
		Store: slowStore{s.store, s}, Objects: objects, PublicURL: s.URL, Secret: []byte("a secret of at least thirty-two bytes"),
		Widget: widgetFiles(t),
		Room: func() error {
			if s.full.Load() {
				return tracker.Errorf(tracker.Full, "this server's disk is almost full")
			}
			return nil
		},
		SpoolDir: t.TempDir(),
		Limits:   limits, Accounts: config.Accounts{SessionDays: 30},
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	return s
}

// user talks to a server with one kind of credentials.
type user struct {
	t      *testing.T
	s      *server
	client *http.Client
	header map[string]string
	email  string
}

// nobody has no credentials.
func (s *server) nobody(t *testing.T, header ...string) *user {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u := &user{t: t, s: s, client: &http.Client{Jar: jar, Transport: s.Client().Transport}, header: map[string]string{}}
	for i := 0; i < len(header); i += 2 {
		u.header[header[i]] = header[i+1]
	}
	return u
}

// account makes an account and signs it in as the dashboard does.
func (s *server) account(t *testing.T, email string, change func(*tracker.Account)) *user {
	t.Helper()
	hash, err := password.Hash(secretWord)
	if err != nil {
		t.Fatal(err)
	}
	a := tracker.Account{Email: email, Name: "Ada", PasswordHash: hash}
	if change != nil {
		change(&a)
	}
	if _, err := s.store.CreateAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	u := s.nobody(t)
	u.email = email
	u.want(200, "POST", "/auth/login", map[string]any{"email": email, "password": secretWord})
	return u
}

// answer is what came back; a body that is no JSON fails the test.
type answer struct {
	status int
	header http.Header
	raw    []byte
	object map[string]any
	list   []any
}

func (a answer) text(name string) string { s, _ := a.object[name].(string); return s }

// send sends raw bytes to a path below /api/v1.
func (u *user) send(method, path, kind string, body []byte) answer {
	u.t.Helper()
	base := u.s.URL
	if !strings.HasPrefix(path, "http") {
		path = base + "/api/v1" + path
	}
	req, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	for name, value := range u.header {
		req.Header.Set(name, value)
	}
	resp, err := u.client.Do(req)
	if err != nil {
		u.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		u.t.Fatalf("%s %s: %v", method, path, err)
	}
	if token := resp.Header.Get("X-Csrf-Token"); token != "" {
		u.header["X-CSRF-Token"] = token
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if json.Unmarshal(a.raw, &a.object) != nil && json.Unmarshal(a.raw, &a.list) != nil {
			u.t.Fatalf("%s %s: no JSON: %s", method, path, a.raw)
		}
	}
	if a.status >= 400 && a.text("detail") == "" && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		u.t.Errorf("%s %s: %d without a detail: %s", method, path, a.status, a.raw)
	}
	return a
}

// do sends a value as JSON; nil sends no body.
func (u *user) do(method, path string, body any) answer {
	u.t.Helper()
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			u.t.Fatal(err)
		}
	}
	return u.send(method, path, "application/json", data)
}

// want is do with a status that must come back.
func (u *user) want(status int, method, path string, body any) answer {
	u.t.Helper()
	a := u.do(method, path, body)
	if a.status != status {
		u.t.Fatalf("%s %s: %d instead of %d: %s", method, path, a.status, status, a.raw)
	}
	return a
}

// project makes a project and returns its id and a widget with its key.
func (u *user) project(name, domain string) (id string, widget *user) {
	u.t.Helper()
	p := u.want(201, "POST", "/projects", map[string]any{"name": name, "domain": domain})
	return p.text("id"), u.s.nobody(u.t, "X-API-Key", p.text("apiKey"), "Origin", "https://shop.example.org")
}

// upload sends a picture as widgets do.
func (u *user) upload(kind string, data []byte) answer {
	u.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="screenshot.png"`}, "Content-Type": {kind},
	})
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err := part.Write(data); err != nil {
		u.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		u.t.Fatal(err)
	}
	return u.send("POST", "/upload/screenshot", form.FormDataContentType(), body.Bytes())
}

// bug is a submission with members changed.
func bug(changes ...any) map[string]any {
	b := map[string]any{"title": "The cart shows NaN", "severity": "high", "category": "bug"}
	for i := 0; i < len(changes); i += 2 {
		b[changes[i].(string)] = changes[i+1]
	}
	return b
}
