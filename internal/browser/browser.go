// Package browser drives a headless Chromium for tests.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is one page of a headless Chromium. It fails its test on a violation of the
// content security policy, a request to another host, an uncaught exception and a
// console error.
type Tab struct {
	t   *testing.T
	ctx context.Context
	o   Options
	end func()

	mu       sync.Mutex
	problems []string
	Changed  chan struct{} // receives after Problems grew
}

// violations writes the page's violations of its policy to the console.
const violations = `addEventListener('securitypolicyviolation', (e) =>
	console.error('policy violation: ' + e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber))`

// ShadowRoots is for Options.Before: it lets a test look into closed shadow roots, by
// window.roots, and find what is visible in one by selector and text.
const ShadowRoots = `{ const attach = Element.prototype.attachShadow; window.roots = []
	Element.prototype.attachShadow = function (o) { const r = attach.call(this, o); window.roots.push(r); return r } }
	window.find = (selector, text) => { for (const r of window.roots) for (const e of r.querySelectorAll(selector))
		if ((text === undefined || (e.innerText ?? '').trim() === text) && e.getClientRects().length > 0) return e }`

// Options say which site to open, and how.
type Options struct {
	Site string   // scheme, host and port; a request to any other fails the test
	Also []string // other origins that the page may ask
	Axe  string   // axe.min.js, for Accessible
	Map  string   // "HOST ADDRESS": a name that no DNS knows
	// Profile is the directory of the browser's storage; a new one where empty.
	Profile string
	// Before runs in every document before its own scripts.
	Before string
	// Allow is text of problems that are expected.
	Allow []string
	// Share gives a page that asks for it the picture of its own tab, as a visitor would.
	Share bool
}

// Open starts a Chromium with one empty page. It ends with the test.
func Open(t *testing.T, o Options) *Tab {
	t.Helper()
	if o.Profile == "" {
		o.Profile = t.TempDir()
	}
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.IgnoreCertErrors,
		chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1360, 860), chromedp.UserDataDir(o.Profile))
	if o.Share {
		flags = append(flags, chromedp.Flag("auto-accept-this-tab-capture", true))
	}
	if o.Map != "" {
		flags = append(flags, chromedp.Flag("host-resolver-rules", "MAP "+o.Map))
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, stop := chromedp.NewContext(alloc)
	end := sync.OnceFunc(func() { stop(); stopAlloc() })
	t.Cleanup(end)

	b := &Tab{t: t, ctx: ctx, o: o, end: end, Changed: make(chan struct{}, 1)}
	if err := chromedp.Listen(ctx, b.watch); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, audits.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violations + ";" + o.Before})
	t.Cleanup(func() {
		for _, problem := range b.Problems() {
			t.Error(problem)
		}
	})
	return b
}

func (b *Tab) watch(event any) {
	var problem string
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || (u.Scheme != "blob" && u.Scheme != "about" && u.Scheme+"://"+u.Host != b.o.Site && !slices.Contains(b.o.Also, u.Scheme+"://"+u.Host)) {
			problem = "request to another host: " + e.Request.URL
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			problem = "policy issue: " + d.ViolatedDirective + " " + d.BlockedURL
		}
	case *runtime.EventExceptionThrown:
		problem = "uncaught: " + e.ExceptionDetails.Text + " " + describe(e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError && len(e.Args) > 0 {
			problem = "console error: " + describe(e.Args[0])
		}
	}
	expected := slices.ContainsFunc(b.o.Allow, func(text string) bool { return strings.Contains(problem, text) })
	if problem != "" && !expected {
		b.mu.Lock()
		b.problems = append(b.problems, problem)
		b.mu.Unlock()
		select {
		case b.Changed <- struct{}{}:
		default:
		}
	}
}

// Close ends the browser as a person does, so that its storage is on disk.
func (b *Tab) Close() {
	b.t.Helper()
	if err := chromedp.Cancel(b.ctx); err != nil {
		b.t.Fatalf("closing Chromium: %v", err)
	}
	b.end()
}

// Problems returns what will fail the test.
func (b *Tab) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

// Reset leaves the page, so that none of its requests is pending, and forgets the
// problems.
func (b *Tab) Reset() {
	b.t.Helper()
	b.run(chromedp.Navigate("about:blank"))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = nil
}

// describe returns a value of the page as text.
func describe(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return string(o.Value) + o.Description
}

// call sends one command of the protocol.
func call[P, R any](b *Tab, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, cmd, params); err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
}

// run performs steps within 20 s.
func (b *Tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(err.Error())
	}
}

// fail ends the test with what the page shows.
func (b *Tab) fail(why string) {
	b.t.Helper()
	shows, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText`))
	b.Shot("failure")
	b.t.Fatalf("%s; the page shows %s %v", why, shows, err)
}

// Open goes to a path of the site.
func (b *Tab) Open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.o.Site + path))
}

// Wait returns once the JavaScript expression is true; after 20 s the test fails. A page
// that is just being replaced takes the question along, which is then asked of the next.
func (b *Tab) Wait(expression string) {
	b.t.Helper()
	for began := time.Now(); ; {
		left := 20*time.Second - time.Since(began)
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression,
			chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(max(left, time.Second))))
		if err == nil {
			return
		}
		if left < 0 || !strings.Contains(err.Error(), "context") || b.ctx.Err() != nil {
			b.fail(fmt.Sprintf("waiting for %s: %v", expression, err))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Sees waits for text anywhere on the page.
func (b *Tab) Sees(text string) {
	b.t.Helper()
	b.Wait(fmt.Sprintf(`document.body.innerText.includes(%s)`, Quote(text)))
}

// Eval returns the value of a JavaScript expression.
func (b *Tab) Eval(expression string) string {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](expression))
	if err != nil {
		b.fail(err.Error())
	}
	return fmt.Sprint(out)
}

// Press clicks the visible button, link or tab of that name.
func (b *Tab) Press(name string) {
	b.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll('button, a, [role=tab], summary')].find((e) => e.checkVisibility() && !e.disabled &&
		((e.getAttribute('aria-label') ?? e.innerText).trim() === %[1]s || e.innerText.trim() === %[1]s))`, Quote(name))
	b.Wait(`!!` + find)
	b.Script(find + `.click()`)
}

// Script runs a script for its effect.
func (b *Tab) Script(source string) {
	b.t.Helper()
	b.run(chromedp.Evaluate[chromedp.Void](source))
}

// Keys types into the focused element.
func (b *Tab) Keys(keys string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// Fill replaces the content of a field by typing.
func (b *Tab) Fill(selector, text string) {
	b.t.Helper()
	find := `document.querySelector(` + Quote(selector) + `)`
	b.Wait(`!!` + find)
	b.Script(find + `.focus(), ` + find + `.select()`)
	b.Keys(text)
}

// settled is true when the page is neither loading, which fades its old content, nor
// in a transition.
const settled = `!document.querySelector('[aria-busy=true]') &&
	document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getComputedTiming().endTime === Infinity)`

// Accessible fails on anything axe-core finds on the page once it has settled.
func (b *Tab) Accessible(where string) {
	b.t.Helper()
	b.Wait(settled)
	axe, err := os.ReadFile(b.o.Axe)
	if err != nil {
		b.t.Fatalf("axe-core is not installed; run make build: %v", err)
	}
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](string(axe)+`; axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(
		r.violations.map((v) => v.id + ': ' + v.help + ' ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail(err.Error())
	}
	var list []string
	if err := json.Unmarshal([]byte(found), &list); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range list {
		b.t.Errorf("%s: %s", where, v)
	}
}

// Scheme makes the page light or dark.
func (b *Tab) Scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// Size changes the viewport, in CSS pixels.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500,
	})
}

// Shot keeps a picture in $BUGSPARK_SCREENSHOTS for a person to look at.
func (b *Tab) Shot(name string) {
	dir := os.Getenv("BUGSPARK_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Error(err)
	}
}

// Click presses the mouse at a place of the viewport, in CSS pixels.
func (b *Tab) Click(x, y float64) {
	b.t.Helper()
	b.run(chromedp.MouseClickXY(x, y))
}

// Drag moves the pressed mouse from one place to another.
func (b *Tab) Drag(x1, y1, x2, y2 float64) {
	b.t.Helper()
	b.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x1, y1, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	for step := 1.0; step <= 4; step++ {
		b.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x1+(x2-x1)*step/4, y1+(y2-y1)*step/4, chromedp.ButtonLeft))
	}
	b.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x2, y2, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// Offline takes the network away, or gives it back.
func (b *Tab) Offline(on bool) {
	b.t.Helper()
	call(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: on, DownloadThroughput: -1, UploadThroughput: -1})
	call(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{URLPattern: "", Offline: on, DownloadThroughput: -1, UploadThroughput: -1}},
	})
}

// Screen is the browser's own picture of the viewport, as PNG.
func (b *Tab) Screen() []byte {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.fail(err.Error())
	}
	return png
}

// Quote makes text a literal of JavaScript.
func Quote(s string) string {
	out, err := json.Marshal(strings.TrimSpace(s))
	if err != nil {
		return `""`
	}
	return string(out)
}
