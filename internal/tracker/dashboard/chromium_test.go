package dashboard_test

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
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one page of a headless Chromium that fails its test on anything the
// policy stops, on a request to any other host, and on an uncaught exception.
type tab struct {
	t    *testing.T
	ctx  context.Context
	site string
	axe  string

	mu     sync.Mutex
	sins   []string
	barked chan struct{} // one token when sins grew
}

// violations makes what the page itself is told about blocked loads visible.
const violations = `addEventListener('securitypolicyviolation', (e) =>
	console.error('policy violation: ' + e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber))`

func openTab(t *testing.T, site string) *tab {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join("ui", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core is not installed; run make build: %v", err)
	}
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.IgnoreCertErrors,
		chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1360, 860), chromedp.UserDataDir(t.TempDir()))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })

	b := &tab{t: t, ctx: ctx, site: site, axe: string(axe), barked: make(chan struct{}, 1)}
	if err := chromedp.Listen(ctx, b.watch); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, audits.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violations})
	t.Cleanup(func() {
		for _, sin := range b.caught() {
			t.Error(sin)
		}
	})
	return b
}

func (b *tab) watch(event any) {
	var sin string
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || (u.Scheme != "blob" && u.Scheme != "about" && u.Scheme+"://"+u.Host != b.site) {
			sin = "request to another host: " + e.Request.URL
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			sin = "policy issue: " + d.ViolatedDirective + " " + d.BlockedURL
		}
	case *runtime.EventExceptionThrown:
		sin = "uncaught: " + e.ExceptionDetails.Text + " " + describe(e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError && len(e.Args) > 0 {
			sin = "console error: " + describe(e.Args[0])
		}
	}
	if sin != "" {
		b.mu.Lock()
		b.sins = append(b.sins, sin)
		b.mu.Unlock()
		select {
		case b.barked <- struct{}{}:
		default:
		}
	}
}

// caught is every sin so far.
func (b *tab) caught() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sins)
}

// forgive leaves the page, so that nothing of it is still on its way, and
// forgets its sins.
func (b *tab) forgive() {
	b.t.Helper()
	b.run(chromedp.Navigate("about:blank"))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sins = nil
}

// describe is what is known about a value of the page.
func describe(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return string(o.Value) + o.Description
}

// call sends one command of the protocol.
func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, cmd, params); err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
}

// run performs steps, each at most 20 s together.
func (b *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(err.Error())
	}
}

// fail ends the test with what the page shows.
func (b *tab) fail(why string) {
	b.t.Helper()
	shows, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText`))
	b.shot("failure")
	b.t.Fatalf("%s; the page shows %s %v", why, shows, err)
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.site + path))
}

// wait returns once the script expression is true; the page says so itself.
func (b *tab) wait(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression,
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil {
		b.fail(fmt.Sprintf("waiting for %s: %v", expression, err))
	}
}

// sees waits for text anywhere on the page.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.body.innerText.includes(%s)`, quote(text)))
}

func (b *tab) eval(expression string) string {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](expression))
	if err != nil {
		b.fail(err.Error())
	}
	return fmt.Sprint(out)
}

// press clicks the visible button, link or tab of that name.
func (b *tab) press(name string) {
	b.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll('button, a, [role=tab], summary')].find((e) => e.checkVisibility() && !e.disabled &&
		((e.getAttribute('aria-label') ?? e.innerText).trim() === %[1]s || e.innerText.trim() === %[1]s))`, quote(name))
	b.wait(`!!` + find)
	b.script(find + `.click()`)
}

// script runs a script for its effect.
func (b *tab) script(source string) {
	b.t.Helper()
	b.run(chromedp.Evaluate[chromedp.Void](source))
}

func (b *tab) keys(keys string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// fill replaces what a field holds by typing.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	find := `document.querySelector(` + quote(selector) + `)`
	b.wait(`!!` + find)
	b.script(find + `.focus(), ` + find + `.select()`)
	b.keys(text)
}

// accessible fails on anything axe-core finds on the page as it stands.
func (b *tab) accessible(where string) {
	b.t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](b.axe+`; axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(
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

func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500,
	})
}

// shot keeps a picture in $BUGSPARK_SCREENSHOTS for a person to look at.
func (b *tab) shot(name string) {
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

func quote(s string) string {
	out, err := json.Marshal(strings.TrimSpace(s))
	if err != nil {
		return `""`
	}
	return string(out)
}
