package widget_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/bugspark/bugspark/internal/browser"
)

// TestTheWidgetStaysSmall: the bytes of each part as a browser gets them.
func TestTheWidgetStaysSmall(t *testing.T) {
	for part, budget := range map[string]int{"widget.js": 12, "widget.mjs": 12, "widget/form-*.js": 12, "widget/annotator-*.js": 10, "widget/capture-*.js": 25,
		"widget/privacy-*.js": 8, "widget/share-*.js": 2, "widget/file-*.js": 1, "widget/network-*.js": 2, "widget/sender-*.js": 4, "widget/text-*.js": 3} {
		found, err := filepath.Glob("dist/" + part)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s is not built; run make build", part)
		}
		for _, name := range found {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var n counter
			z, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := z.Write(data); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %.1f of %d KiB", name, float64(n)/1024, budget)
			if int(n) > budget<<10 {
				t.Errorf("%s has %d bytes, the budget is %d KiB", name, n, budget)
			}
		}
	}
}

type counter int

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// open makes the closed root open for axe, which cannot look into a closed one.
var openRoot = strings.Replace(browser.ShadowRoots, "this, o)", "this, { mode: 'open' })", 1)

// TestEveryStateIsAccessible lets axe look at every state in every language, light, dark
// and narrow.
func TestEveryStateIsAccessible(t *testing.T) {
	s := newStack(t)
	for _, c := range []struct {
		language, theme                      string
		capture, preview, back, send, cancel string
	}{
		{"en", "light", "Take a picture of this page", "What will be sent?", "Back to the form", "Send report", "Cancel"},
		{"zh-Hant", "dark", "擷取此頁畫面", "會送出哪些內容？", "返回表單", "送出回報", "取消"},
		{"de", "dark", "Bild dieser Seite aufnehmen", "Was wird gesendet?", "Zurück zum Formular", "Meldung senden", "Abbrechen"},
		{"fr", "light", "Prendre une image de cette page", "Que sera-t-il envoyé ?", "Retour au formulaire", "Envoyer", "Annuler"},
		{"es", "light", "Tomar una imagen de esta página", "¿Qué se enviará?", "Volver al formulario", "Enviar informe", "Cancelar"},
	} {
		t.Run(c.language, func(t *testing.T) {
			defer s.with(t)()
			s.body(`<main><h1>Shop</h1><button id="log">Log</button></main>` + s.script(`data-language="`+c.language+`" data-theme="`+c.theme+`" data-enable-session-recording`))
			v := s.visit(browser.Options{Before: openRoot})
			v.Wait(`!!window.find('.start')`)
			v.Script(`document.getElementById('log').click()`)
			v.accessible("button")
			v.openForm()
			v.Wait(settled)
			v.accessible("form")
			v.Shot("widget-form-" + c.language)
			v.in(c.send)
			v.Wait(`window.find('#bs-title').getAttribute('aria-invalid') === 'true'`)
			v.accessible("form with a fault")
			v.write("title", "A title")
			v.in(c.capture)
			v.Wait(`!!window.find('canvas.preview')`)
			v.accessible("picture")
			v.in(c.preview)
			v.Wait(`!!window.find('.part')`)
			v.Script(`for (const d of window.roots[0].querySelectorAll('details')) d.open = true`)
			v.accessible("preview")
			v.Shot("widget-preview-" + c.language)
			v.in(c.back)
			v.in(c.cancel)
			v.Wait(`!!window.find('.ask')`)
			v.accessible("question")
			v.Keys(kb.Escape)
			v.Size(360, 640)
			v.accessible("narrow")
			v.Shot("widget-narrow-" + c.language)
			v.in(c.send)
			v.Wait(`!!window.find('.end')`)
			v.accessible("sent")
			v.Shot("widget-sent-" + c.language)
		})
	}
}

// contrast finds text of the widget that stands out less than WCAG 2.2 AA asks. axe-core
// cannot tell what is behind a dialog in a shadow root and leaves those elements out.
const contrast = `(() => {
	const parse = (c) => c.match(/[\d.]+/g).map(Number)
	const light = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0)
	const bad = []
	for (const e of window.roots[0].querySelectorAll('.bs *')) {
		const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '') || (e.matches('input:not([type=checkbox]):not([type=radio])') && e.value !== '')
		if (!text || !e.checkVisibility() || e.closest('[inert],[aria-disabled=true],option')) continue
		let behind = e
		while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) < 1) behind = behind.parentElement
		if (!behind) continue
		const style = getComputedStyle(e)
		const a = light(parse(style.color)), b = light(parse(getComputedStyle(behind).backgroundColor))
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
		const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700)
		if (ratio < (large ? 3 : 4.5)) bad.push(e.innerText.slice(0, 30) + ' ' + ratio.toFixed(2))
	}
	return bad.join('; ')
})()`

// accessible lets axe and contrast look at the page.
func (v *visitor) accessible(where string) {
	v.s.t.Helper()
	v.Accessible(where)
	if bad := v.Eval(contrast); bad != "" {
		v.s.t.Errorf("%s: too little contrast: %s", where, bad)
	}
}

const settled = `document.getAnimations().every((a) => a.playState !== 'running')`

// TestTheWholeFlowByKeyboard uses no mouse: Tab, Enter, Space and arrows, from the button
// to the end, and the focus comes back to the button.
func TestTheWholeFlowByKeyboard(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><button id="first">First</button>` + s.script(""))
	v := s.visit(browser.Options{})
	v.Wait(`!!window.find('.start')`)
	active := func() string {
		return v.Eval(`(() => { const e = window.roots[0].activeElement; return e ? e.id || e.dataset.do || e.value || e.innerText : document.activeElement.id })()`)
	}
	// to presses Tab until that has the focus.
	to := func(want string) {
		t.Helper()
		var seen []string
		for range 40 {
			if got := active(); got == want {
				return
			}
			v.Keys(kb.Tab)
			seen = append(seen, active())
		}
		t.Fatalf("Tab does not reach %q: %q", want, seen)
	}
	v.Script(`document.getElementById('first').focus()`)
	v.Wait(`document.activeElement.id === 'first'`)
	for range 10 {
		if v.Eval(`window.roots[0].activeElement?.className`) == "start" {
			break
		}
		v.Keys(kb.Tab)
	}
	v.Keys(kb.Enter)
	v.Wait(`window.roots[0].activeElement?.id === 'bs-title'`)
	v.Keys("By keyboard")
	to("bs-description")
	v.Keys("No mouse at all.")
	to("capture")
	v.Keys(kb.Enter)
	v.Wait(`window.roots[0].activeElement?.dataset.do === 'annotate'`)
	to("low")
	v.Keys(kb.ArrowRight)
	to("medium")
	to("What will be sent?")
	v.Keys(kb.Enter)
	v.Wait(`!!window.find('.part')`)
	to("Back to the form")
	v.Keys(kb.Enter)
	v.Wait(`window.roots[0].activeElement?.innerText === 'What will be sent?'`)
	// Tab stays inside, in both directions.
	for range 30 {
		v.Keys(kb.Tab)
		if v.Eval(`!!window.roots[0].activeElement?.closest('dialog')`) != "true" {
			t.Fatal("Tab left the form")
		}
	}
	v.Keys(kb.Escape)
	v.shows("Close without sending?")
	if active() != "Keep writing" {
		t.Errorf("the question has the focus on %q", active())
	}
	v.Keys(kb.Enter)
	to("Send report")
	v.Keys(kb.Enter)
	v.shows("Your report has arrived")
	to("Close")
	v.Keys(kb.Enter)
	v.Wait(`window.roots[0].activeElement?.className === 'start'`)
	r := s.arrive(1)[0]
	if r.Title != "By keyboard" || r.Severity != "medium" || r.ScreenshotKey == nil {
		t.Errorf("the report is %+v", r)
	}
}

// TestNothingOfThePageChanges: after destroy every wrapped function is what it was, and
// before that, what the page does works as without a widget.
func TestNothingOfThePageChanges(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><button id="reject">Reject</button>` + s.script(`data-enable-session-recording="true"`))
	v := s.visit(browser.Options{Before: openRoot + `
		window.natives = () => [console.log, console.info, console.warn, console.error, console.debug, window.fetch, XMLHttpRequest.prototype.open,
			XMLHttpRequest.prototype.send, history.pushState, history.replaceState]
		window.names = () => JSON.stringify([Object.getOwnPropertyNames(console), Object.getOwnPropertyNames(history), Object.getOwnPropertyNames(XMLHttpRequest.prototype)])
		window.first = window.natives(); window.firstNames = window.names()
		window.rejections = 0; addEventListener('unhandledrejection', (e) => { window.rejections++; e.preventDefault() })`, Allow: []string{"net::", "Refused", "Failed", "ERR_"}})
	v.Wait(`!!window.find('.start')`)
	// This script has no crossorigin, so the part that watches fetch comes a moment later.
	v.Wait(`!window.natives().some((f, i) => f === window.first[i])`)
	// A rejected fetch that nobody handles is unhandled still, once; one that is handled is not.
	v.Script(`fetch('/missing', { mode: 'nonsense' }).catch(() => { window.handled = 1 })`)
	v.Wait(`window.handled === 1`)
	v.Script(`document.getElementById('reject').click()`)
	v.Wait(`window.rejections === 1`)
	for _, c := range []string{`fetch.name === 'fetch'`, `console.log.name === 'log'`, `history.pushState.call(history, 1, '', '?a') === undefined && location.search === '?a'`} {
		if got := v.Eval(c); got != "true" {
			t.Errorf("%s is %s", c, got)
		}
	}
	v.Script(`BugSpark.destroy()`)
	if got := v.Eval(`window.natives().every((f, i) => f === window.first[i]) && window.names() === window.firstNames`); got != "true" {
		t.Error("destroy leaves something behind")
	}
	if got := v.Eval(`document.documentElement.children.length`); got != "2" {
		t.Errorf("the document has %s children", got)
	}
	v.Script(`BugSpark.init({ projectKey: 'x', endpoint: '` + s.server.URL + `/api/v1' })`)
	v.Wait(`!!window.find('.start')`)
}

// TestPagesThatBehaveBadly: none of them is broken by the widget, and none breaks it.
func TestPagesThatBehaveBadly(t *testing.T) {
	s := newStack(t)
	for name, before := range map[string]string{
		"frozen prototypes": `Object.freeze(XMLHttpRequest.prototype); Object.freeze(console); Object.freeze(Element.prototype); Object.freeze(Array.prototype); Object.freeze(Object.prototype); Object.freeze(history)`,
		"patched fetch":     `window.fetch = () => { throw new Error('mine') }`,
		"toJSON traps":      `Object.prototype.toJSON = undefined; Array.prototype.toJSON = undefined`,
		"extended":          `Object.prototype.extra = 1; Array.prototype.extra = 2; String.prototype.extra = 3`,
		"no storage":        `for (const n of ['localStorage', 'sessionStorage', 'indexedDB']) Object.defineProperty(window, n, { get() { throw new DOMException('no', 'SecurityError') } })`,
		"full storage":      `Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }; IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError') }`,
		"wrong clock":       `const now = Date.now; Date.now = () => now() - 400 * 86400e3`,
		"storm":             `const storm = () => { for (let i = 0; i < 2000; i++) console.debug('line', i, { i, deep: { deeper: [1, 2, 3] } }) }; addEventListener('load', storm)`,
		"huge and cyclic":   `addEventListener('load', () => { const a = { big: 'x'.repeat(10 << 20) }; a.a = a; console.log(a, a.big); console.info(new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 } })) })`,
		"two scripts":       `window.twice = true`,
		"rtl":               `addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl'; document.documentElement.lang = 'ar' })`,
		"hostile style":     `addEventListener('DOMContentLoaded', () => { const s = new CSSStyleSheet(); s.replaceSync('* { display: none !important; all: unset !important } html, body, h1 { display: block !important }'); document.adoptedStyleSheets = [s] })`,
		"random broken":     `Math.random = () => { throw 1 }`,
	} {
		t.Run(name, func(t *testing.T) {
			defer s.with(t)()
			html := `<h1>Shop</h1><button id="log">Log</button>` + s.script(`data-enable-session-recording="true"`)
			if name == "two scripts" {
				html += s.script("")
			}
			s.body(html)
			had := len(s.list())
			v := s.visit(browser.Options{Before: browser.ShadowRoots + ";" + before, Allow: []string{"Failed to load"}})
			v.Script(`document.getElementById('log').click()`)
			v.report("On a page with " + name)
			v.shows("Your report has arrived")
			if got := v.Eval(`window.roots.length`); got != "1" {
				t.Errorf("there are %s widgets", got)
			}
			v.Close()
			if got := len(s.list()); got != had+1 {
				t.Errorf("%d reports arrived, want 1", got-had)
			}
		})
	}
}

// TestAPartThatWasChangedIsNotRun: the hash of each part stands in the core.
func TestAPartThatWasChangedIsNotRun(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/widget/form-") {
			return false
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, "window.tampered = true; export function open() { window.tampered = true }")
		return true
	})
	v := s.visit(browser.Options{Allow: []string{"integrity", "Failed to find a valid digest"}})
	v.Wait(`!!window.find('.start')`)
	v.Script(`window.find('.start').click()`)
	v.shows("The report form could not be loaded")
	if got := v.Eval(`window.tampered`); got != "<nil>" {
		t.Errorf("what was put in place of a part ran: %s", got)
	}
	s.answer(nil)
	v.openForm()
}

// TestWrongUse tells the page's author what is wrong.
func TestWrongUse(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><script src="` + s.server.URL + `/widget.js"></script>`)
	v := s.visit(browser.Options{})
	for call, says := range map[string]string{
		`BugSpark.init()`: "init needs an object",
		`BugSpark.init({ endpoint: 'https://x/api/v1' })`:                  "projectKey is missing",
		`BugSpark.init({ projectKey: 'k' })`:                               "endpoint is missing",
		`BugSpark.init({ projectKey: 'k', endpoint: 'ftp://x' })`:          "must begin with https:// or http://",
		`BugSpark.init({ projectKey: 'k', endpoint: 'http://[' })`:         "is no address",
		`BugSpark.open() ?? BugSpark.close() ?? BugSpark.destroy() ?? 'x'`: "x",
	} {
		got := v.Eval(`(() => { try { return String(` + call + `) } catch (e) { return e.message } })()`)
		if !strings.Contains(got, says) {
			t.Errorf("%s says %q, want %q", call, got, says)
		}
	}
	v.Script(`window.warned = ''; const warn = console.warn; console.warn = (m) => { window.warned = m }
		BugSpark.init({ apiKey: 'k', endpoint: '` + s.server.URL + `/api/v1/' }); BugSpark.init({ apiKey: 'k', endpoint: 'https://x/' })`)
	if got := v.Eval(`window.warned`); !strings.Contains(got, "init was called again") {
		t.Errorf("the second init says %q", got)
	}
}

// TestHooksAndFilters: what a page may do with a report before and after it is sent.
func TestHooksAndFilters(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><button id="log">Log</button><script src="` + s.server.URL + `/widget.js"></script>`)
	v := s.visit(browser.Options{Allow: []string{"404"}})
	v.Script(`window.told = []
		BugSpark.init({
			projectKey: '` + s.key + `', endpoint: '` + s.server.URL + `/api/v1', environment: 'test', release: '1.2.3',
			metadata: () => ({ cart: 3, password: 'x', mail: 'ada@example.com' }),
			consoleFilter: (e) => e.message.includes('noise') ? false : e.message.includes('rename') ? { ...e, message: 'renamed 4111 1111 1111 1111' } : true,
			networkFilter: (e) => !e.url.includes('noise'),
			maskPatterns: ['Rosebud'],
			beforeSend: (r) => { if (r.title === 'Stop') return null; if (r.title === 'Throw') throw new Error('hook'); return { ...r, title: r.title + '!' } },
			onSubmit: (r) => told.push('submit ' + r.title), onOpen: () => told.push('open'), onClose: () => { told.push('close'); throw new Error('close hook') }, onError: (e) => told.push('error ' + e.message),
		})
		BugSpark.identify({ id: '7', email: 'ada@example.com' }); BugSpark.setReporter('Ada of the bank')
		console.log('noise'); console.log('rename me'); console.log('Rosebud here')`)
	v.Wait(`!!window.find('.start')`)
	v.Script(`BugSpark.open()`)
	v.write("title", "Stop")
	v.in("Send report")
	v.shows("This page has stopped the report.")
	v.write("title", "Throw")
	v.in("Send report")
	v.shows("could not be sent")
	v.write("title", "Changed")
	v.in("Send report")
	v.shows("Your report has arrived")
	v.in("Close")
	v.Wait(`told.includes('error close hook')`)
	if got := v.Eval(`told.join(', ')`); got != "open, error hook, submit Changed!, close, error close hook" {
		t.Errorf("the hooks heard %s", got)
	}
	r := s.arrive(1)[0]
	if r.Title != "Changed!" || r.ReporterIdentifier == nil || *r.ReporterIdentifier != "ada@example.com" && *r.ReporterIdentifier != "Ada of the bank" {
		t.Errorf("the report is %+v", r)
	}
	var lines []consoleEntry
	if err := json.Unmarshal(r.Evidence.ConsoleLogs, &lines); err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, l := range lines {
		text = append(text, l.Message)
	}
	if got := strings.Join(text, "|"); got != "renamed [hidden]|[hidden] here" {
		t.Errorf("the console is %s", got)
	}
	meta := members[map[string]any](t, r.Evidence.Metadata)
	if fmt.Sprintf("%v %v %v", meta["environment"], meta["release"], meta["custom"]) != "test 1.2.3 map[cart:3 mail:[hidden] password:[hidden]]" {
		t.Errorf("the metadata is %v", meta)
	}
	v.labelled("Report a bug")
	v.write("title", "Too soon")
	v.in("Send report")
	v.shows("You can send the next one in")
}

// TestAModalDialogOfThePageCanBeReported: everything outside of it is inert, so the button
// is in it; when the page closes or removes it while the form is open, the form stays.
func TestAModalDialogOfThePageCanBeReported(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><dialog id="one"><p>Really?</p><button id="ok">OK</button></dialog>` + s.script(""))
	v := s.visit(browser.Options{})
	v.Wait(`!!window.find('.start')`)
	v.Script(`document.getElementById('one').showModal()`)
	center := func(axis string) float64 {
		var n float64
		fmt.Sscan(v.Eval(`(() => { const b = window.find('.start').getBoundingClientRect(); return b.`+axis+` + 20 })()`), &n)
		return n
	}
	v.Wait(`document.getElementById('one').lastElementChild !== document.getElementById('ok')`)
	v.Click(center("left"), center("top"))
	v.Wait(`!!window.find('#bs-title')`)
	v.write("title", "In a dialog")
	v.Script(`document.getElementById('one').close()`)
	v.Wait(`!!window.find('#bs-title') && window.find('#bs-title').value === 'In a dialog'`)
	v.Keys(" of the page")
	v.Script(`const d = document.getElementById('one'); d.showModal()`)
	v.Wait(`!!window.find('#bs-title')`)
	v.Script(`document.getElementById('one').remove()`)
	v.Wait(`!!window.find('#bs-title')`)
	v.in("Send report")
	v.shows("Your report has arrived")
	v.in("Close")
	if r := s.arrive(1)[0]; r.Title != "In a dialog of the page" {
		t.Errorf("the title is %q", r.Title)
	}
	v.Script(`BugSpark.destroy()`)
	if got := v.Eval(`document.documentElement.children.length`); got != "2" {
		t.Errorf("the document has %s children", got)
	}
}

// TestAPageThatWasOpenDuringAnUpgrade has a script whose parts the server does not have any
// more: the form that opens is the server's new one.
func TestAPageThatWasOpenDuringAnUpgrade(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	old, err := os.ReadFile("dist/widget.js")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`widget/form-[\w-]+\.js`)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/widget.js" {
			return false
		}
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(form.ReplaceAll(old, []byte("widget/form-00000000.js")))
		return true
	})
	v := s.visit(browser.Options{Allow: []string{"404", "Failed to load"}})
	v.report("After the upgrade")
	v.shows("Your report has arrived")
	if got := v.Eval(`window.roots.filter((r) => r.host.isConnected).length`); got != "1" {
		t.Errorf("the page has %s widgets", got)
	}
	s.arrive(1)
}
