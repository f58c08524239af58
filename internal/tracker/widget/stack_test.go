package widget_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
	"github.com/bugspark/bugspark/internal/tracker/widget"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// axe judges whether a page can be used without eyes or mouse.
const axe = "../dashboard/ui/node_modules/axe-core/axe.min.js"

// strict is the policy of a page of a bank: %s is our server.
const strict = "default-src 'none'; script-src 'self' %[1]s; connect-src 'self' %[1]s; img-src 'self' %[1]s; style-src 'self'; font-src 'self'; " +
	"frame-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// stack is the server with its API and the widget's files, and a page of another site.
type stack struct {
	t       *testing.T
	server  *httptest.Server
	page    *httptest.Server
	store   *postgres.Store
	objects objectstore.Store
	project tracker.Project
	key     string
	policy  string

	html     atomic.Pointer[string]
	extra    atomic.Pointer[map[string]string]                                 // files instead of the page's own
	lose     atomic.Bool                                                       // stores reports, and loses the answers
	requests atomic.Int64                                                      // reports that arrived
	before   atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool] // answers instead of the API
}

func newStack(t *testing.T) *stack {
	t.Helper()
	files, err := widget.New(widget.Options{Version: "0.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	if files.Integrity() == "" {
		t.Fatal("the widget is not built; run make build")
	}
	s := &stack{t: t, store: postgrestest.New(t)}
	objects, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.objects = objects
	mux := http.NewServeMux()
	s.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := s.before.Load(); f != nil && (*f)(w, r) {
			return
		}
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1/reports" {
			s.requests.Add(1)
			if s.lose.Load() {
				mux.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.server.Close)
	mux.Handle("/", httpapi.New(httpapi.Options{
		Store: s.store, Objects: objects, PublicURL: s.server.URL, Secret: []byte("a secret of at least thirty-two bytes"), Widget: files,
		Limits: config.Limits{ReportBodyKiB: 4096, PictureMiB: 10}, Accounts: config.Accounts{SessionDays: 30},
		Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	owner, err := s.store.CreateAccount(t.Context(), tracker.Account{Email: "ada@localhost", Name: "Ada", PasswordHash: "x", IsSuperadmin: true})
	if err != nil {
		t.Fatal(err)
	}
	s.key = "bsk_pub_" + strings.Repeat("k", 64) + "="
	sum := sha256.Sum256([]byte(s.key))
	s.project, err = s.store.CreateProject(t.Context(), tracker.NewProject{Name: "Bank", OwnerID: owner.ID}, hex.EncodeToString(sum[:]), s.key[:12])
	if err != nil {
		t.Fatal(err)
	}
	s.policy = fmt.Sprintf(strict, s.server.URL)
	s.page = httptest.NewTLSServer(http.HandlerFunc(s.servePage))
	t.Cleanup(s.page.Close)
	return s
}

// with makes failures those of a part of the test, until the function that it returns.
func (s *stack) with(t *testing.T) func() {
	whole := s.t
	s.t = t
	return func() { s.t = whole }
}

// script is the tag that a customer puts into a page.
func (s *stack) script(attributes string) string {
	return fmt.Sprintf(`<script src="%s/widget.js" data-project-key="%s" %s></script>`, s.server.URL, s.key, attributes)
}

// body makes the page: a header, what is given, and nothing inline, as the policy asks.
func (s *stack) body(html string) {
	whole := `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Bank</title>` +
		`<link rel="stylesheet" href="/page.css"></head><body>` + html + `<script src="/page.js"></script></body></html>`
	s.html.Store(&whole)
}

// pageJS gives the page what a page does: logging, errors and requests.
const pageJS = `
document.addEventListener('click', (e) => {
	switch (e.target.id) {
	case 'log': console.info('paying', { amount: 12, password: 'hunter2' }); console.warn('slow answer'); break
	case 'throw': throw new TypeError('no account')
	case 'reject': fetch('/missing', { mode: 'nonsense' }); break
	case 'fetch': fetch('/missing?token=abc&page=2'); break
	}
})`

const pageCSS = `body{font:16px sans-serif;margin:24px;color:#223}button{margin:4px;padding:8px 14px}#secret{font-size:20px}`

func (s *stack) servePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Cache-Control", "no-store")
	if extra := s.extra.Load(); extra != nil && (*extra)[r.URL.Path] != "" {
		h.Set("Content-Type", map[bool]string{true: "text/javascript", false: "text/css"}[strings.HasSuffix(r.URL.Path, ".js")])
		fmt.Fprint(w, (*extra)[r.URL.Path])
		return
	}
	switch r.URL.Path {
	case "/page.js":
		h.Set("Content-Type", "text/javascript")
		fmt.Fprint(w, pageJS)
	case "/page.css":
		h.Set("Content-Type", "text/css")
		fmt.Fprint(w, pageCSS)
	case "/":

		h.Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, *s.html.Load())
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// visitor is somebody in front of the page.
type visitor struct {
	*browser.Tab
	s *stack
}

func (s *stack) visit(o browser.Options) *visitor {
	s.t.Helper()
	o.Site, o.Also, o.Axe = s.page.URL, append(o.Also, s.server.URL), axe
	if o.Before == "" {
		o.Before = browser.ShadowRoots
	}
	v := &visitor{browser.Open(s.t, o), s}
	v.Open("/")
	return v
}

// in presses the button of the widget with that text.
func (v *visitor) in(text string) {
	v.s.t.Helper()
	find := "window.find('button,summary', " + browser.Quote(text) + ")"
	v.Wait("!!" + find)
	v.Script(find + ".click()")
}

// shows waits for text inside of the widget.
func (v *visitor) shows(text string) {
	v.s.t.Helper()
	v.Wait(`window.roots.some((r) => [...r.querySelectorAll('.bs')].some((e) => e.innerText.includes(` + browser.Quote(text) + `)))`)
}

// labelled presses the button with that label.
func (v *visitor) labelled(label string) {
	v.s.t.Helper()
	find := "window.find('[aria-label=" + browser.Quote(label) + "]')"
	v.Wait("!!" + find)
	v.Script(find + ".click()")
}

// openForm presses the button in the corner, with the mouse.
func (v *visitor) openForm() {
	v.s.t.Helper()
	v.Wait(`!!window.find('.start')`)
	v.Script(`window.find('.start').click()`)
	v.Wait(`!!window.find('#bs-title')`)
}

// write types into a field of the form.
func (v *visitor) write(id, text string) {
	v.s.t.Helper()
	v.Wait(`!!window.find('#bs-` + id + `')`)
	v.Script(`window.find('#bs-` + id + `').focus(); window.find('#bs-` + id + `').select?.()`)
	v.Keys(text)
}

func (v *visitor) arrives(n int) []tracker.Report {
	v.s.t.Helper()
	return v.s.arrive(n)
}

// arrive waits until n reports are stored and returns them, the newest first.
func (s *stack) arrive(n int) []tracker.Report {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		page, err := s.store.ListReports(s.t.Context(), tracker.ReportFilter{Page: 1, PageSize: 100, Viewer: tracker.Viewer{IsSuperadmin: true}})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page.Items) >= n || time.Now().After(deadline) {
			if len(page.Items) != n {
				s.t.Fatalf("%d reports arrived, want %d", len(page.Items), n)
			}
			var out []tracker.Report
			for _, item := range page.Items {
				r, err := s.store.Report(s.t.Context(), item.ID)
				if err != nil {
					s.t.Fatal(err)
				}
				out = append(out, r)
			}
			return out
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// list is what is stored now, the newest first.
func (s *stack) list() []tracker.Report {
	s.t.Helper()
	var out []tracker.Report
	for page := 1; ; page++ {
		found, err := s.store.ListReports(s.t.Context(), tracker.ReportFilter{Page: page, PageSize: 100, Viewer: tracker.Viewer{IsSuperadmin: true}})
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, found.Items...)
		if len(found.Items) < 100 {
			return out
		}
	}
}

// picture reads a stored picture.
func (s *stack) picture(key *string) image.Image {
	s.t.Helper()
	if key == nil {
		s.t.Fatal("the report has no such picture")
	}
	body, _, err := s.objects.Get(s.t.Context(), *key)
	if err != nil {
		s.t.Fatal(err)
	}
	defer body.Close()
	img, err := png.Decode(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return img
}

// members is a stored document as Go has it.
func members[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out
}
