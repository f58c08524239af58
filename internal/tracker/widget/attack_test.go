package widget_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
)

// bare is a page whose widget a test starts itself.
func (s *stack) bare(before, options string) *visitor {
	s.t.Helper()
	s.body(`<h1>Shop</h1><script crossorigin src="` + s.server.URL + `/widget.js"></script>`)
	v := s.visit(browser.Options{Before: browser.ShadowRoots + ";" + before, Allow: []string{"net::", "Failed to load", "ERR_", "404", "302", "CORS"}})
	v.start(options)
	return v
}

func (v *visitor) start(options string) {
	v.s.t.Helper()
	v.Script(`BugSpark.init({ projectKey: '` + v.s.key + `', endpoint: '` + v.s.server.URL + `/api/v1' ` + options + `})`)
	v.Wait(`!!window.find('.start')`)
}

// TestOddHooksAndNamesLoseNoReport: what a page hands over is not always what it should be.
func TestOddHooksAndNamesLoseNoReport(t *testing.T) {
	s := newStack(t)
	for i, options := range []string{
		`, beforeSend: (r) => { delete r.console_logs; delete r.network_logs; delete r.user_actions; return r }`,
		`, beforeSend: (r) => ({ title: r.title, description: '', severity: 'low', category: 'bug' })`,
		`, user: { id: 42 }`, `, reporterIdentifier: 7`, `, metadata: () => { throw new Error('mine') }`, `, metadata: { get trap() { throw 1 } }`,
		`, consoleFilter: 1, networkFilter: {}, maskSelectors: ['<<'], blockSelectors: ['::nothing(']`,
	} {
		v := s.bare("", options)
		v.report("With " + options)
		v.shows("Your report has arrived")
		v.Close()
		if got := len(s.list()); got != i+1 {
			t.Errorf("%s: %d reports, want %d", options, got, i+1)
		}
	}
}

// TestTheNetworkGoesWhileTheFormIsOpen: everything is away, the files of the widget too.
func TestTheNetworkGoesWhileTheFormIsOpen(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load"}})
	v.openForm()
	v.Wait(`performance.getEntriesByType('resource').some((e) => e.name.includes('/widget/sender-'))`)
	time.Sleep(200 * time.Millisecond)
	s.answer(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	v.write("title", "All is away")
	v.in("Send report")
	v.shows("Your report is kept in this browser")
	s.answer(nil)
	v.Open("/")
	s.arrive(1)
}

// TestStorageThatMisbehaves: locks that are forbidden, a database that does not open, a mark
// that cannot be set.
func TestStorageThatMisbehaves(t *testing.T) {
	s := newStack(t)
	for i, before := range []string{
		`navigator.locks.request = () => Promise.reject(new DOMException('no', 'SecurityError'))`,
		`indexedDB.constructor.prototype.open = () => new EventTarget()`,
	} {
		v := s.bare(before, "")
		v.report("With " + before)
		v.shows("Your report has arrived")
		v.Close()
		s.arrive(i + 1)
	}
	v := s.bare(`const set = Storage.prototype.setItem; Storage.prototype.setItem = function (k, v) { if (this === localStorage) throw new DOMException('full', 'QuotaExceededError'); return set.call(this, k, v) }`, "")
	s.answer(away)
	v.report("Without a mark")
	v.shows("Your report is kept in this browser")
	s.answer(nil)
	v.Open("/")
	v.start("")
	s.arrive(3)
}

// TestAnAnswerOfSomebodyElseIsNone: portals and proxies redirect, or say 200 themselves.
func TestAnAnswerOfSomebodyElseIsNone(t *testing.T) {
	s := newStack(t)
	for i, other := range []func(w http.ResponseWriter){
		func(w http.ResponseWriter) { w.Header().Set("Location", "/back-soon"); w.WriteHeader(http.StatusFound) },
		func(w http.ResponseWriter) { fmt.Fprint(w, "<html>Welcome to our hotel") },
	} {
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			switch {
			case r.URL.Path == "/back-soon":
				fmt.Fprint(w, "back soon")
			case r.URL.Path == "/api/v1/reports" && r.Method == http.MethodPost:
				other(w)
			default:
				return false
			}
			return true
		})
		v := s.bare("", "")
		v.report(fmt.Sprintf("Answered by somebody else %d", i))
		v.shows("Your report is kept in this browser")
		s.answer(nil)
		v.Open("/")
		v.start("")
		s.arrive(i + 1)
		v.Close()
	}
}

// TestAReportThatWaitsIsRefused, and what refused it is put right later.
func TestAReportThatWaitsIsRefused(t *testing.T) {
	s := newStack(t)
	v := s.bare("", "")
	s.answer(away)
	v.report("Waits")
	v.shows("Your report is kept in this browser")
	for _, code := range []int{http.StatusNotFound, http.StatusBadRequest, http.StatusUnauthorized} {
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.WriteHeader(code)
			return true
		})
		v.Open("/")
		v.start("")
		time.Sleep(500 * time.Millisecond)
		if got := v.Eval(`localStorage.getItem('bugspark:queue')`); got != "1" {
			t.Fatalf("after %d the queue has %s", code, got)
		}
	}
	s.answer(nil)
	v.Open("/")
	v.start("")
	s.arrive(1)
}

// TestTheSameWordsAreOneReport: the visitor reloads while it is sent, finds the words again
// and sends them again.
func TestTheSameWordsAreOneReport(t *testing.T) {
	s := newStack(t)
	v := s.bare("", "")
	slow := make(chan struct{})
	s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/v1/reports" && r.Method == http.MethodPost {
			select {
			case <-slow:
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}
		return false
	})
	v.openForm()
	v.write("title", "Sent twice")
	v.in("Send report")
	v.Wait(`window.find('.body').inert`) // what is typed now would be lost
	time.Sleep(300 * time.Millisecond)
	v.Open("/")
	close(slow)
	s.answer(nil)
	v.start("")
	v.openForm()
	if got := v.Eval(`window.find('#bs-title').value`); got == "Sent twice" {
		v.in("Send report")
		v.shows("Your report has arrived")
	}
	s.arrive(1)
	time.Sleep(300 * time.Millisecond)
	s.arrive(1)
	// Other words are another report.
	v.Script(`sessionStorage.clear()`)
	v.Open("/")
	v.start("")
	v.report("Sent twice, and changed")
	v.shows("Your report has arrived")
	s.arrive(2)
}

// TestTheFormFollowsThePage: a single-page application goes elsewhere while it is open.
func TestTheFormFollowsThePage(t *testing.T) {
	s := newStack(t)
	v := s.bare("", "")
	v.openForm()
	v.write("title", "Before ")
	v.Script(`history.pushState(null, '', '/elsewhere')`)
	v.Script(`BugSpark.close()`)
	v.Wait(`!window.find('dialog')`)
	v.Script(`BugSpark.open(); BugSpark.close()`)
	time.Sleep(300 * time.Millisecond)
	if got := v.Eval(`!!window.find('dialog')`); got != "false" {
		t.Error("a form that was closed while it opened is open")
	}
	v.openForm()
	if got := v.Eval(`window.find('#bs-title').value`); got != "Before" && got != "Before " {
		t.Errorf("after going elsewhere the title is %q", got)
	}
}

// TestAPictureThatIsTakenAgainIsSent, after the first was left out; and one that is being
// taken is waited for.
func TestAPictureThatIsTakenAgainIsSent(t *testing.T) {
	s := newStack(t)
	v := s.bare("", "")
	v.openForm()
	v.write("title", "With a picture after all")
	v.in("Take a picture of this page")
	v.in("What will be sent?")
	v.Script(`window.roots[0].querySelector('.part > input').click()`)
	v.in("Back to the form")
	v.in("Remove")
	v.Wait(`!window.find('canvas.preview')`)
	v.Script(`window.find('[data-do=capture]').click(); window.find('button[type=submit]').click()`)
	v.shows("Your report has arrived")
	if r := s.arrive(1)[0]; r.ScreenshotKey == nil {
		t.Error("the report has no picture")
	}
}

// TestTwoDialogsOfThePage are opened one after the other.
func TestTwoDialogsOfThePage(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><dialog id="b"><p>B</p></dialog><dialog id="a"><p>A</p></dialog>` + s.script(""))
	v := s.visit(browser.Options{})
	v.openForm()
	v.write("title", "Two dialogs")
	v.Script(`document.getElementById('a').showModal(); Promise.resolve().then(() => {}).then(() => {}).then(() => document.getElementById('b').showModal())`)
	time.Sleep(300 * time.Millisecond)
	v.Wait(`!!window.find('#bs-title') && window.find('#bs-title').value === 'Two dialogs'`)
	if got := v.Eval(`window.roots[0].host.parentElement.id`); got != "b" {
		t.Errorf("the widget is in %q, and the dialog that was opened last is b", got)
	}
	v.in("Send report")
	v.shows("Your report has arrived")
}

// TestAPictureThatNeverGetsThrough does not take its report along.
func TestAPictureThatNeverGetsThrough(t *testing.T) {
	s := newStack(t)
	v := s.bare("", "")
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/screenshot") {
			return false
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge) // of a proxy in front, which knows no CORS
		return true
	})
	v.openForm()
	v.write("title", "Too large for a proxy")
	v.in("Take a picture of this page")
	v.Wait(`!!window.find('canvas.preview')`)
	v.in("Send report")
	v.shows("Your report is kept in this browser")
	v.Script(`Date.now = ((now) => () => now() + 700e3)(Date.now); BugSpark.destroy()`)
	v.start("")
	s.arrive(1)
}

// TestNamesOfThePageStandInNoWay: elements whose names are those of the document's members.
func TestNamesOfThePageStandInNoWay(t *testing.T) {
	s := newStack(t)
	s.body(`<form name="currentScript"><input name="src"></form><img name="head" alt=""><form name="querySelectorAll"></form><a id="BugSpark">x</a><h1>Shop</h1>` + s.script("crossorigin"))
	v := s.visit(browser.Options{})
	v.report("Between odd names")
	v.shows("Your report has arrived")
}

// TestNothingOfThePageIsCalled logs an object, and gives metadata, whose getters and toJSON
// count their calls.
func TestNothingOfThePageIsCalled(t *testing.T) {
	s := newStack(t)
	v := s.bare("", `, metadata: () => window.trap`)
	v.Script(`window.called = 0
		window.trap = { toJSON() { window.called++; return 'no' }, toString() { window.called++; return '' }, valueOf() { window.called++; return 1 }, plain: 1 }
		Object.defineProperty(window.trap, 'lazy', { enumerable: true, get() { window.called++; return 1 } }); 0`)
	v.Script(`BugSpark.destroy()`)
	native := `((log) => { console.log = () => {}; console.error = () => {} })()`
	v.Script(native)
	v.start(`, metadata: () => window.trap`)
	v.Script(`console.log(window.trap, [window.trap]); console.error(window.trap)`)
	v.report("With traps")
	v.shows("Your report has arrived")
	if got := v.Eval(`window.called`); got != "0" {
		t.Errorf("the page's own functions were called %s times", got)
	}
	r := s.arrive(1)[0]
	if text := string(r.Evidence.Metadata); !strings.Contains(text, `"plain":1`) || !strings.Contains(text, `"lazy":"[getter]"`) {
		t.Errorf("the metadata is %s", text)
	}
}

// TestWhatFiltersAddStaysHere: members that the API does not know, and values of other
// types, neither leave the page nor stop the form.
func TestWhatFiltersAddStaysHere(t *testing.T) {
	s := newStack(t)
	v := s.bare("", `, consoleFilter: (e) => e.message === 'odd' ? { ...e, message: { a: 1 } } : { ...e, args: ['hunter2'], extra: 'hunter2' },
		networkFilter: (e) => ({ ...e, requestHeaders: { Authorization: 'hunter2' }, body: 'hunter2', url: undefined, responseHeaders: { n: 1 } })`)
	v.Script(`console.log('important one'); console.log('odd'); fetch('/missing').catch(() => {})`)
	time.Sleep(300 * time.Millisecond)
	v.report("With filters that add")
	v.shows("Your report has arrived")
	r := s.arrive(1)[0]
	all := string(r.Evidence.ConsoleLogs) + string(r.Evidence.NetworkLogs)
	if strings.Contains(all, "hunter2") || !strings.Contains(all, "important one") || !strings.Contains(all, `"status":404`) {
		t.Errorf("stored is %s", all)
	}
}

// TestErrorsOfPagesOfTheServerAreRecorded: only the widget's own files are left out.
func TestErrorsOfPagesOfTheServerAreRecorded(t *testing.T) {
	s := newStack(t)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/inside":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><title>x</title><h1>Inside</h1>%s<script src="/widget/own-page.js"></script>`, s.script(""))
		case "/widget/own-page.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `addEventListener('load', () => setTimeout(() => { throw new TypeError('of the page') }))`)
		default:
			return false
		}
		return true
	})
	v := &visitor{browser.Open(t, browser.Options{Site: s.server.URL, Before: browser.ShadowRoots, Allow: []string{"of the page", "404"}}), s}
	v.Open("/inside")
	v.Wait(`!!window.find('.start')`)
	time.Sleep(300 * time.Millisecond)
	v.report("On a page of the server")
	v.shows("Your report has arrived")
	if got := string(s.arrive(1)[0].Evidence.ConsoleLogs); !strings.Contains(got, "of the page") {
		t.Errorf("the console is %s", got)
	}
}

// TestTheFormIsOpenedAndClosedAtOnce: what a page calls last counts.
func TestTheFormIsOpenedAndClosedAtOnce(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{})
	v.Wait(`!!window.find('.start')`)
	v.Script(`BugSpark.open(); BugSpark.close(); BugSpark.open()`)
	v.Wait(`!!window.find('#bs-title')`)
	v.Script(`BugSpark.close(); BugSpark.open()`)
	time.Sleep(300 * time.Millisecond)
	v.Wait(`!!window.find('#bs-title')`)
	v.Script(`BugSpark.close()`)
	v.Wait(`!window.find('#bs-title') && !!window.find('.start')`)
}

// TestAHookMayAnswerWithWhatItsFrameworkWraps: proxies and functions are no reason to lose a report.
func TestAHookMayAnswerWithWhatItsFrameworkWraps(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><script src="` + s.server.URL + `/widget.js"></script>`)
	v := s.visit(browser.Options{})
	v.Script(`BugSpark.init({ projectKey: '` + s.key + `', endpoint: '` + s.server.URL + `/api/v1',
		beforeSend: (r) => new Proxy({ ...r, title: r.title + ' seen', helper() {} }, {}) })`)
	v.report("Wrapped")
	if r := s.arrive(1)[0]; r.Title != "Wrapped seen" {
		t.Errorf("it arrived as %q", r.Title)
	}
}

// TestSendingWhileTheEditorLoads: the report waits for the editor and goes out.
func TestSendingWhileTheEditorLoads(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	release := make(chan struct{})
	s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/widget/annotator-") {
			<-release
			panic(http.ErrAbortHandler)
		}
		return false
	})
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load"}})
	v.openForm()
	v.write("title", "Sent meanwhile")
	v.in("Take a picture of this page")
	v.Wait(`!!window.find('canvas.preview')`)
	v.Script(`window.find('[data-do=annotate]').click()`)
	v.in("Send report")
	time.Sleep(200 * time.Millisecond)
	close(release)
	if r := s.arrive(1)[0]; r.Title != "Sent meanwhile" || r.ScreenshotKey == nil {
		t.Errorf("it arrived as %+v", r)
	}
}

// manual is a page whose script calls init itself.
func (s *stack) manual() {
	s.body(`<h1>Shop</h1><script crossorigin src="` + s.server.URL + `/widget.js"></script>`)
}

// begin calls init on a page of that path, with that key.
func (v *visitor) begin(path, key string) {
	v.Script(`history.replaceState(null, '', '` + path + `'); BugSpark.init({ projectKey: '` + key + `', endpoint: '` + v.s.server.URL + `/api/v1' })`)
}

// TestAReportThatWaitsKeepsItsProject: a page of another part of the site has the key of another project.
func TestAReportThatWaitsKeepsItsProject(t *testing.T) {
	s := newStack(t)
	s.manual()
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load", "401", "ERR_"}})
	s.answer(away)
	v.begin("/shop/basket", "bsk_pub_the-key-before")
	v.report("Of the shop")
	v.shows("Your report is kept in this browser")
	s.answer(nil)
	v.Open("/")
	v.begin("/forum", s.key)
	v.Wait(`!!window.find('.start')`)
	time.Sleep(1500 * time.Millisecond)
	s.arrive(0)
	v.Open("/")
	v.begin("/shop", s.key)
	if r := s.arrive(1)[0]; r.Title != "Of the shop" {
		t.Errorf("it arrived as %q", r.Title)
	}
}

// TestAReportThatWaitsIsTriedInAPageThatStays: the server comes back while a page is open
// that has sent nothing itself. It asks again after 15 s.
func TestAReportThatWaitsIsTriedInAPageThatStays(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load", "ERR_"}})
	s.answer(away)
	v.report("Kept")
	v.shows("Your report is kept in this browser")
	v.Open("/")
	v.Wait(`!!window.find('.start')`)
	time.Sleep(4 * time.Second) // it has tried, and nobody was there
	s.answer(nil)
	s.arrive(1)
}

// TestAProblemIsToldAfterTheFormIsClosed: beside the button.
func TestAProblemIsToldAfterTheFormIsClosed(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{Allow: []string{"422", "Failed to load"}})
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/v1/reports" || r.Method != http.MethodPost {
			return false
		}
		time.Sleep(500 * time.Millisecond)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"detail":"no"}`)
		return true
	})
	v.report("Refused later")
	v.Script(`BugSpark.close()`)
	v.Wait(`!!window.find('.say') && window.find('.say').textContent !== ''`)
	s.answer(nil)
	v.openForm()
	if got := v.Eval(`window.find('#bs-title').value`); got != "Refused later" {
		t.Errorf("the words are %q", got)
	}
}

// TestAnEmptyFormTakesNoWords: an application goes elsewhere while the form is open and empty.
func TestAnEmptyFormTakesNoWords(t *testing.T) {
	s := newStack(t)
	s.manual()
	v := s.visit(browser.Options{})
	v.begin("/b", s.key)
	v.openForm()
	v.write("title", "Words of b")
	v.Script(`BugSpark.close(); history.replaceState(null, '', '/a'); BugSpark.open()`)
	v.Wait(`window.find('#bs-title')?.value === ''`)
	v.Script(`history.replaceState(null, '', '/b'); BugSpark.close(); BugSpark.open()`)
	v.Wait(`window.find('#bs-title')?.value === 'Words of b'`)
}

// TestTheWholeDocumentIsReplaced, as some frameworks do; and what check says before init.
func TestTheWholeDocumentIsReplaced(t *testing.T) {
	s := newStack(t)
	s.manual()
	v := s.visit(browser.Options{})
	v.Script(`window.checked = null; void BugSpark.check().then((all) => { window.checked = all.join() })`)
	v.Wait(`window.checked !== null`)
	if got := v.Eval(`window.checked`); !strings.Contains(got, "init was not called") {
		t.Errorf("check says %q", got)
	}
	v.begin("/", s.key)
	v.Wait(`!!window.find('.start')`)
	v.Script(`document.replaceChild(document.documentElement.cloneNode(true), document.documentElement); BugSpark.open()`)
	v.Wait(`!!window.find('#bs-title')`)
}

// TestAnOldReportWaitsForAnAnswer: after three days an answer is the last, not silence.
func TestAnOldReportWaitsForAnAnswer(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load", "ERR_"}})
	s.answer(away)
	v.report("Four days old")
	v.shows("Your report is kept in this browser")
	v.Script(`window.aged = false
		indexedDB.open('bugspark').onsuccess = (e) => {
			const db = e.target.result
			const t = db.transaction(db.objectStoreNames, 'readwrite')
			const store = t.objectStore(db.objectStoreNames[0])
			store.openCursor().onsuccess = (e) => {
				const c = e.target.result
				if (c) c.update({ ...c.value, createdAt: Date.now() - 4 * 86400000 }), c.continue()
			}
			t.oncomplete = () => { db.close(); window.aged = true }
		}`)
	v.Wait(`window.aged`)
	v.Open("/")
	v.Wait(`!!window.find('.start')`)
	time.Sleep(5 * time.Second) // three attempts, and nobody answers
	s.answer(nil)
	v.Open("/")
	s.arrive(1)
}
