package widget_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
)

// TestTheLogoOfAnotherHostIsNotAskedFor: the browser of the tests fails on any request to
// a third host.
func TestTheLogoOfAnotherHostIsNotAskedFor(t *testing.T) {
	s := newStack(t)
	s.policy = strings.Replace(s.policy, "img-src", "img-src *", 1)
	s.body(`<h1>Shop</h1><script src="` + s.server.URL + `/widget.js"></script>`)
	v := s.visit(browser.Options{Allow: []string{"404", "Failed to load"}})
	v.Script(`BugSpark.init({ projectKey: '` + s.key + `', endpoint: '` + s.server.URL + `/api/v1', branding: { logoUrl: 'https://cdn.example/logo.png' } }); BugSpark.open()`)
	v.Wait(`!!window.find('#bs-title')`)
	if got := v.Eval(`window.roots[0].querySelectorAll('header img').length`); got != "0" {
		t.Errorf("the form has %s logos of another host", got)
	}
	v.Script(`BugSpark.destroy(); BugSpark.init({ projectKey: '` + s.key + `', endpoint: '` + s.server.URL + `/api/v1', branding: { logoUrl: '/logo.png' } }); BugSpark.open()`)
	v.Wait(`performance.getEntriesByName('` + s.page.URL + `/logo.png').length === 1`)
}

// TestAPageOfNoncesOnly: no host is listed, and scripts run by their nonce.
func TestAPageOfNoncesOnly(t *testing.T) {
	s := newStack(t)
	for _, scripts := range []string{"script-src 'nonce-n0' 'strict-dynamic'", "script-src 'nonce-n0' " + s.server.URL} {
		s.policy = fmt.Sprintf("default-src 'none'; %s; connect-src 'self' %[2]s; img-src 'self'; style-src 'self'; trusted-types 'none'; require-trusted-types-for 'script'", scripts, s.server.URL)
		page := `<!doctype html><html lang="en"><title>Bank</title><h1>Shop</h1>` + strings.Replace(s.script("crossorigin"), "<script", `<script nonce="n0"`, 1)
		s.html.Store(&page)
		v := s.visit(browser.Options{})
		v.report("With " + scripts)
		v.shows("Your report has arrived")
		v.Close()
	}
}

// TestAShownPasswordStaysHidden: a page that shows what was typed makes a text field of it.
func TestAShownPasswordStaysHidden(t *testing.T) {
	s := newStack(t)
	pictures := [2]string{}
	for i, secret := range []string{"hunter2", "correct horse battery staple"} {
		others := ""
		for _, kind := range []string{"one-time-code", "cc-csc", "section-pay billing cc-number", "current-password"} {
			others += `<input data-bugspark-unmask autocomplete="` + kind + `" value="` + secret + `">`
		}
		s.body(`<input id="p" type="password" data-bugspark-unmask value="` + secret + `">` + others + `<button>x</button>` + s.script(""))
		v := s.visit(browser.Options{})
		v.Wait(`!!window.find('.start')`)
		v.Script(`const p = document.getElementById('p'); p.focus(); p.type = 'text'; document.querySelector('button').focus()`)
		v.openForm()
		v.in("Take a picture of this page")
		v.Wait(`!!window.find('canvas.preview')`)
		v.Shot(fmt.Sprintf("widget-password-%d", i))
		pictures[i] = v.Eval(`window.roots[0].querySelector('canvas.preview').toDataURL()`)
		v.Close()
	}
	if pictures[0] != pictures[1] {
		t.Error("the pictures of two passwords differ")
	}
}

// TestWhatIsShownIsWhatIsSent compares the message that the visitor sees with the body that
// the server gets, with everything and with parts left out.
func TestWhatIsShownIsWhatIsSent(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><button id="log">Log</button><button id="fetch">Fetch</button>` + s.script(`crossorigin data-enable-session-recording="true"`))
	var body atomic.Pointer[string]
	s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1/reports" {
			data, err := io.ReadAll(r.Body)
			if err == nil {
				text := string(data)
				body.Store(&text)
				r.Body = io.NopCloser(bytes.NewReader(data))
			}
		}
		return false
	})
	for _, leave := range []string{"", "console", "network", "actions", "device", "picture"} {
		v := s.visit(browser.Options{Allow: []string{"404", "Failed to load"}})
		v.Wait(`!!window.find('.start')`)
		v.Script(`document.getElementById('log').click(); document.getElementById('fetch').click()`)
		v.Wait(`performance.getEntriesByType('resource').some((e) => e.name.includes('/missing') && e.responseEnd > 0)`)
		time.Sleep(100 * time.Millisecond) // until the widget has heard of the answer
		v.openForm()
		v.write("title", "Without "+leave+" \u00e9\u4e2d <b>&amp;")
		v.in("Take a picture of this page")
		v.Wait(`!!window.find('canvas.preview')`)
		v.in("What will be sent?")
		if leave != "" {
			index := map[string]int{"picture": 0, "console": 1, "network": 2, "actions": 3, "device": 4}[leave]
			v.Script(fmt.Sprintf(`window.roots[0].querySelectorAll('.part > input')[%d].click()`, index))
		}
		shown := v.Eval(`window.roots[0].querySelector('pre.exact').textContent`)
		v.in("Back to the form")
		v.in("Send report")
		v.shows("Your report has arrived")
		sent := *body.Load()
		r := s.list()[0]
		full, err := s.store.Report(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if full.ScreenshotKey != nil {
			sent = strings.Replace(sent, *full.ScreenshotKey, "[given by the server when the picture is stored]", 1)
		}
		if shown != sent {
			t.Errorf("shown is\n%s\nsent was\n%s", shown, sent)
		}
		missing := map[string]bool{
			"console": strings.Contains(sent, `"console_logs":[]`), "actions": strings.Contains(sent, `"user_actions":[]`),
			"network": !strings.Contains(sent, `/missing?token=[hidden]`) && strings.Contains(sent, `"network_logs":[]`),
			"device":  strings.Contains(sent, `"metadata":{}`), "picture": full.ScreenshotKey == nil,
		}
		for part, is := range missing {
			if want := part == leave; is != want {
				t.Errorf("without %q: %s is missing: %v", leave, part, is)
			}
		}
		v.Close()
	}
}

// TestATabThatIsClosedWhileSending: the server is slow, and the visitor does not wait.
func TestATabThatIsClosedWhileSending(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	for i, slow := range []string{"/api/v1/upload/screenshot", "/api/v1/reports"} {
		profile := t.TempDir()
		v := s.visit(browser.Options{Profile: profile, Allow: []string{"net::", "Failed to load"}})
		v.openForm()
		v.write("title", "Closed during "+slow)
		v.in("Take a picture of this page")
		v.Wait(`!!window.find('canvas.preview')`)
		begun := make(chan struct{}, 10)
		s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == slow && r.Method == http.MethodPost {
				begun <- struct{}{}
				// A browser that is closed lets such a request outlive its page for a while.
				select {
				case <-r.Context().Done():
				case <-time.After(3 * time.Second):
				}
				panic(http.ErrAbortHandler)
			}
			return false
		})
		v.in("Send report")
		select {
		case <-begun:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s was not asked", slow)
		}
		v.Close()
		s.answer(nil)
		again := s.visit(browser.Options{Profile: profile})
		s.arrive(i + 1)
		again.Wait(`localStorage.getItem('bugspark:queue') === null`)
		if r := s.list()[0]; r.Title != "Closed during "+slow {
			t.Errorf("the newest report is %q", r.Title)
		}
		again.Close()
	}
}

// TestAPictureThatIsRefused: the report is worth more than its picture.
func TestAPictureThatIsRefused(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	for _, code := range []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity} {
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/upload/screenshot" || r.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.WriteHeader(code)
			return true
		})
		v := s.visit(browser.Options{Allow: []string{"Failed to load", fmt.Sprint(code)}})
		v.openForm()
		v.write("title", fmt.Sprintf("Picture refused with %d", code))
		v.in("Take a picture of this page")
		v.Wait(`!!window.find('canvas.preview')`)
		v.in("Send report")
		v.shows("Your report has arrived")
		v.shows("The picture could not be stored")
		v.Close()
	}
	s.arrive(3)
}

// TestTheQueueIsBounded: seven reports without a server, of which the newest five stay.
func TestTheQueueIsBounded(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load"}})
	s.answer(away)
	// The browser knows that it is offline, so each is tried once.
	v.Script(`Object.defineProperty(navigator, 'onLine', { get: () => false, configurable: true })`)
	for i := range 7 {
		v.report(fmt.Sprintf("Kept %d", i))
		v.shows("Your report is kept in this browser")
		v.in("Close")
		v.Wait(`!window.find('dialog')`)
		v.Script(`sessionStorage.removeItem('bugspark:sent'); BugSpark.destroy(); BugSpark.init({ projectKey: '` + s.key + `', endpoint: '` + s.server.URL + `/api/v1' })`)
	}
	v.Wait(`localStorage.getItem('bugspark:queue') === '5'`)
	s.answer(nil)
	v.Open("/")
	all := s.arrive(5)
	for i, r := range all {
		if want := fmt.Sprintf("Kept %d", 6-i); r.Title != want {
			t.Errorf("report %d is %q, want %q", i, r.Title, want)
		}
	}
}
