package dashboard_test

import (
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

// TestSigningInLeadsBackToThePageToTryTheWidgetOn opens that page as the dashboard links it,
// by somebody who is not signed in: the page is served by the API, and the key is in a part
// of the address that no server sees. The browser enforces the page's own policy.
func TestSigningInLeadsBackToThePageToTryTheWidgetOn(t *testing.T) {
	if !dashboard.Built(os.DirFS("dist")) {
		t.Fatal("the dashboard is not built; run make build")
	}
	s := newSite(t)
	b := browser.Open(t, browser.Options{Site: s.URL, Axe: axe})
	b.Open("/widget/demo#bsk_pub_x%3D")
	b.Wait(`location.pathname === '/sign-in' && !!document.querySelector('[type=password]')`)
	b.Fill("[name=username]", s.email)
	b.Fill("[name=password]", s.oneTime)
	b.Keys(kb.Enter)
	b.Sees("Choose your own password")
	b.Fill("[name=current]", s.oneTime)
	b.Fill("[name=new]", "a sentence nobody guesses")
	before := s.demos.Load()
	b.Keys(kb.Enter)
	s.awaitDemo(t, before)
	b.Wait(`location.pathname === '/widget/demo' && document.getElementById('key').value === 'bsk_pub_x='`)
	if got := b.Eval(`document.documentElement.dataset.widget ?? 'not started'`); got != "not started" {
		t.Errorf("the key of a link is used before anybody presses Start: %s", got)
	}
	b.Script(`document.querySelector('#start button').click()`)
	b.Wait(`document.documentElement.dataset.widget === 'bsk_pub_x='`)
	if got := b.Eval(`location.hash`); got != "" {
		t.Errorf("the key stays in the address: %s", got)
	}
	if got := b.Eval(`document.getElementById('key').title`); got == "" {
		t.Error("what the key must look like is not told")
	}
	b.Wait(`fetch(document.querySelector('link[rel=icon]').href).then((a) => a.ok && a.headers.get('Content-Type') === 'image/svg+xml')`)
	b.Accessible("demo")
	b.Shot("demo-light")
	b.Script(`document.querySelector('[data-do=navigate]').click()`)
	b.Sees("The address was changed")
	b.Script(`document.querySelector('[data-do=dialog]').click()`)
	b.Wait(`!!document.querySelector('dialog[open]')`)
	b.Accessible("demo, dialog")
	b.Shot("demo-dialog")
	b.Keys(kb.Escape)
	b.Scheme("dark")
	b.Accessible("demo, dark")
	b.Shot("demo-dark")
	b.Size(390, 780)
	b.Accessible("demo, narrow")
	b.Shot("demo-narrow")
	if got := b.Eval(`document.documentElement.scrollWidth <= innerWidth ? 'fits' : 'scrolls'`); got != "fits" {
		t.Error("a narrow page scrolls sideways")
	}
	b.Open("/widget/demo")
	b.Wait(`document.documentElement.dataset.widget === 'bsk_pub_x='`) // kept in the tab
	before = s.demos.Load()
	b.Open("/sign-in?next=%2Fwidget%2Fdemo")
	s.awaitDemo(t, before)
	b.Wait(`location.pathname === '/widget/demo'`)
}

// awaitDemo waits until the page to try the widget on is there: a wait for something on a
// page ends with an error when another page takes its place.
func (s *site) awaitDemo(t *testing.T, before int64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); s.demos.Load() == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody was led to the page to try the widget on")
		}
	}
}

// TestAnAccountThatMayNotTryTheWidgetIsToldWho opens the page by somebody who is no
// administrator: signing in leads there, and a page says who may see it.
func TestAnAccountThatMayNotTryTheWidgetIsToldWho(t *testing.T) {
	if !dashboard.Built(os.DirFS("dist")) {
		t.Fatal("the dashboard is not built; run make build")
	}
	s := newSite(t)
	s.member(t, "bob@localhost", "another sentence nobody guesses", "", "")
	b := browser.Open(t, browser.Options{Site: s.URL, Axe: axe, Allow: []string{"403"}})
	b.Open("/widget/demo")
	signIn(b, "bob@localhost", "another sentence nobody guesses")
	time.Sleep(time.Second) // a wait on a page ends with an error when another takes its place
	b.Wait(`location.pathname === '/widget/demo'`)
	b.Sees("For administrators of this server")
	b.Sees("bob@localhost")
	b.Accessible("no administrator")
	b.Shot("demo-refused-light")
	b.Scheme("dark")
	b.Accessible("no administrator, dark")
	b.Size(360, 780)
	b.Shot("demo-refused-narrow")
}
