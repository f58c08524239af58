package dashboard_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

// signIn signs in with a password that need not change.
func signIn(b *browser.Tab, email, secret string) {
	b.Wait(`location.pathname === '/sign-in' && !!document.querySelector('[type=password]')`)
	b.Fill("[name=username]", email)
	b.Fill("[name=password]", secret)
	b.Keys(kb.Enter)
}

// TestTheSnippetIsFoundAfterTheFirstReport walks through a project's settings: with reports
// there too, as its owner, and as a member who may only read.
func TestTheSnippetIsFoundAfterTheFirstReport(t *testing.T) {
	if !dashboard.Built(os.DirFS("dist")) {
		t.Fatal("the dashboard is not built; run make build")
	}
	s := newSite(t)
	b := browser.Open(t, browser.Options{Site: s.URL, Axe: axe})
	b.Open("/bugs")
	signIn(b, s.email, s.oneTime)
	b.Sees("Choose your own password")
	b.Fill("[name=current]", s.oneTime)
	b.Fill("[name=new]", "a sentence nobody guesses")
	b.Keys(kb.Enter)
	b.Sees("Create your first project")
	b.Script(`[...document.querySelectorAll('main button')].find((e) => e.innerText === 'New project').click()`)
	b.Wait(`!!document.querySelector('dialog[open] [name=name]')`)
	b.Fill("[name=name]", "Online banking")
	b.Keys(kb.Enter)
	b.Sees("Online banking is ready")
	key := b.Eval(`document.querySelector('dialog[open] pre').innerText`)
	if got := b.Eval(`[...document.querySelectorAll('dialog[open] pre')].map((e) => getComputedStyle(e).whiteSpace + ' ' + getComputedStyle(e).overflowX).join()`); got != "pre auto,pre auto" {
		t.Errorf("lines break inside of words: %s", got)
	}
	if got := b.Eval(`document.querySelector('dialog[open]').scrollWidth <= document.querySelector('dialog[open]').clientWidth ? 'fits' : 'scrolls'`); got != "fits" {
		t.Error("the dialog scrolls sideways as a whole")
	}
	b.Press("Done")
	s.report(t, key, map[string]any{"title": "Transfer does nothing", "severity": "low", "category": "bug"})
	b.Open("/bugs")
	b.Sees("Transfer does nothing")
	b.Wait(`!!document.querySelector('main a[href$="/settings"]')`)
	b.Script(`document.querySelector('main a[href$="/settings"]').click()`)
	b.Sees("Content-Security-Policy")
	project := strings.Split(b.Eval(`location.pathname`), "/")[2]
	if got := b.Eval(`[...document.querySelectorAll('main pre')].map((e) => e.innerText).join('|')`); got != key[:12]+"…|<script async crossorigin src=\""+s.URL+"/widget.js\"\n  data-project-key=\""+key[:12]+"…\"></script>|script-src "+s.URL+"|connect-src "+s.URL+"|img-src "+s.URL {
		t.Errorf("the page shows %s", got)
	}
	if got := b.Eval(`[...document.querySelectorAll('main button')].filter((e) => e.innerText.trim() === 'Copy').length`); got != "4" {
		t.Errorf("%s buttons copy something", got)
	}
	b.Accessible("project settings")
	b.Shot("project-settings-light")
	b.Script(`document.querySelector('main [type=checkbox]').click()`)
	b.Wait(`document.querySelectorAll('main pre')[1].innerText.includes('integrity="sha384-')`)
	b.Wait(`document.querySelector('main a[target=_blank]').getAttribute('href') === '/widget/demo'`)

	b.Fill("main [name=name]", "Banking")
	b.Fill("main [name=domain]", "bank.example")
	b.Keys(kb.Enter)
	b.Sees("The project was saved")
	b.Wait(`document.querySelector('main h1').innerText === 'Banking'`)
	b.Sees("is none of the allowed addresses")
	b.Press("New key…")
	b.Sees("New key for Banking?")
	b.Accessible("new key")
	b.Shot("project-new-key")
	b.Press("Make a new key")
	b.Sees("The new key is in force")
	fresh := b.Eval(`document.querySelector('main pre').innerText`)
	if fresh == key || len(fresh) != 73 {
		t.Errorf("the new key is %q", fresh)
	}
	b.Wait(`document.querySelector('main a[target=_blank]').getAttribute('href') === '/widget/demo#` + fresh + `'`)
	s.post(t, key, "/api/v1/reports", "application/json", strings.NewReader("{}"), http.StatusUnauthorized)
	s.report(t, fresh, map[string]any{"title": "With the new key", "severity": "low", "category": "bug"})

	b.Press("Switch off…")
	b.Sees("Switch off Banking?")
	b.Accessible("switch off")
	b.Press("Switch off")
	b.Sees("Pages with its key send no reports")
	s.post(t, fresh, "/api/v1/reports", "application/json", strings.NewReader("{}"), http.StatusUnauthorized)
	b.Shot("project-off")
	b.Script(`document.querySelector('a[href="/projects"]').click()`)
	b.Wait(`document.querySelector('tbody')?.innerText.includes('Switched off')`) // and not lost
	b.Accessible("projects")
	b.Shot("projects")
	b.Script(`document.querySelector('tbody a').click()`)
	b.Sees("Switch on")
	b.Press("Switch on")
	b.Sees("The project is on again")
	b.Scheme("dark")
	b.Accessible("project settings, dark")
	b.Shot("project-settings-dark")
	b.Size(360, 780)
	b.Accessible("project settings, narrow")
	b.Shot("project-settings-narrow")
	b.Script(`document.querySelectorAll('main section')[2].scrollIntoView()`)
	b.Shot("project-settings-narrow-2")
	if got := b.Eval(`document.documentElement.scrollWidth <= innerWidth ? 'fits' : 'scrolls'`); got != "fits" {
		t.Error("a narrow page scrolls sideways")
	}
	b.Script(`document.querySelector('a[href="/projects"]').click()`)
	b.Sees("New project")
	b.Shot("projects-narrow")
	b.Scheme("light")
	b.Size(1360, 860)

	for _, tc := range []struct {
		role tracker.Role
		form string // how many fields may be changed, and whether key and state may
	}{{tracker.RoleViewer, "0 false"}, {tracker.RoleAdmin, "2 false"}} {
		email := "the-" + string(tc.role) + "@localhost"
		s.member(t, email, "another sentence nobody guesses", project, tc.role)
		b.Press("Sign out")
		b.Wait(`location.pathname === '/sign-in'`)
		b.Open("/projects/" + project + "/settings")
		signIn(b, email, "another sentence nobody guesses")
		b.Sees("Content-Security-Policy")
		got := b.Eval(`document.querySelectorAll('main [name=name], main [name=domain]').length + ' ' +
			[...document.querySelectorAll('main button, main a[target=_blank]')].some((e) => /New key|Switch|Try it/.test(e.innerText))`)
		if got != tc.form {
			t.Errorf("a member with the role %s is offered %q", tc.role, got)
		}
		b.Accessible(string(tc.role))
		b.Shot("project-settings-" + string(tc.role))
	}
	b.Open("/projects/00000000-0000-4000-8000-000000000000/settings")
	b.Sees("There is no such page")
}
