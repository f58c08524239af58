package dashboard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

// axe judges whether a page can be used without eyes or mouse.
const axe = "ui/node_modules/axe-core/axe.min.js"

// TestTriageInABrowser walks from the first sign-in to a deleted report in a
// real Chromium against the real build.
func TestTriageInABrowser(t *testing.T) {
	if !dashboard.Built(os.DirFS("dist")) {
		t.Fatal("the dashboard is not built; run make build")
	}
	s := newSite(t)
	b := browser.Open(t, browser.Options{Site: s.URL, Axe: axe})

	b.Open("/bugs?severity=critical")
	b.Wait(`location.pathname === '/sign-in' && !!document.querySelector('[type=password]')`)
	b.Accessible("sign in")
	b.Shot("sign-in-light")
	b.Fill("[name=username]", s.email)
	b.Fill("[name=password]", "not the password")
	b.Keys(kb.Enter)
	b.Sees("do not match")
	b.Accessible("sign in refused")
	b.Shot("sign-in-refused")
	b.Scheme("dark")
	b.Shot("sign-in-dark")
	b.Accessible("sign in, dark")
	b.Size(390, 780)
	b.Shot("sign-in-narrow")
	b.Scheme("light")
	b.Size(1360, 860)
	b.Fill("[name=password]", s.oneTime)
	b.Keys(kb.Enter)

	b.Sees("Choose your own password")
	b.Accessible("new password")
	b.Shot("new-password")
	b.Fill("[name=current]", s.oneTime)
	b.Fill("[name=new]", "a sentence nobody guesses")
	b.Keys(kb.Enter)
	b.Wait(`location.pathname + location.search === '/bugs?severity=critical'`)
	b.Sees("Nothing matches these filters")
	b.Shot("empty-by-filter")
	b.Press("Reset")
	b.Sees("Create your first project")
	b.Accessible("no project")
	b.Shot("no-project")

	b.Script(`[...document.querySelectorAll('main button')].find((e) => e.innerText === 'New project').click()`)
	b.Wait(`!!document.querySelector('dialog[open] [name=name]')`)
	b.Accessible("new project")
	b.Shot("new-project")
	b.Fill("[name=name]", "Online banking")
	b.Keys(kb.Enter)
	b.Sees("Online banking is ready")
	b.Accessible("project key")
	b.Shot("project-key")
	key := b.Eval(`document.querySelector('dialog[open] pre').innerText`)
	b.Sees("Pin version 1.2.3")
	b.Script(`document.querySelector('dialog[open] [type=checkbox]').click()`)
	b.Wait(`document.querySelectorAll('dialog[open] pre')[1].innerText.includes('integrity="sha384-')`)
	b.Accessible("project key, pinned")
	b.Shot("project-key-pinned")
	if got := b.Eval(`[...document.querySelectorAll('dialog[open] a')].map((a) => a.getAttribute('href') + ' ' + a.target + ' ' + a.rel).join()`); got != "/widget/demo#"+key+" _blank noopener" {
		t.Errorf("the link to try it is %q", got)
	}
	b.Press("Done")
	b.Sees("Waiting for the first report")
	b.Accessible("no reports")
	b.Shot("no-reports")

	s.submit(t, key)
	b.Open("/bugs")
	b.Sees("Transfer button does nothing")
	b.Wait(`document.querySelectorAll('tbody tr').length === 50`)
	if got := b.Eval(`document.querySelector('table').getAttribute('aria-rowcount')`); got != "61" {
		t.Errorf("aria-rowcount = %s, want 61", got)
	}
	b.Accessible("list")
	b.Shot("list-light")
	b.Scheme("dark")
	b.Shot("list-dark")
	b.Accessible("list, dark")
	b.Size(390, 780)
	b.Shot("list-narrow")
	b.Accessible("list, narrow")
	b.Press("Menu")
	b.Shot("drawer")
	b.Accessible("drawer")
	b.Keys(kb.Escape)
	b.Scheme("light")
	b.Size(1360, 860)

	b.Press("Page 2")
	b.Wait(`document.querySelectorAll('tbody tr').length === 10 && location.search.includes('page=2')`)
	if got := b.Eval(`document.querySelector('tbody tr').getAttribute('aria-rowindex')`); got != "52" {
		t.Errorf("aria-rowindex = %s, want 52", got)
	}

	b.Keys("/")
	b.Wait(`document.activeElement?.inputMode === 'search'`)
	b.Fill("[inputmode=search]", "button does nothing") // the protocol types the / that the page declined
	b.Wait(`location.search.includes('q=button') && document.querySelectorAll('tbody tr').length === 1`)
	b.Keys(kb.ArrowDown)
	b.Wait(`document.activeElement?.innerText === 'Transfer button does nothing'`)
	b.Shot("list-search")
	b.Keys(kb.Enter)
	b.Wait(`document.querySelector('main h1')?.innerText === 'Transfer button does nothing'`)
	b.Wait(`document.querySelector('main img')?.naturalWidth === 1280`)
	b.Accessible("report")
	b.Shot("report-light")
	before := b.Eval(`document.querySelector('main img').src`)
	b.Keys("a")
	b.Wait(fmt.Sprintf(`document.querySelector('main img').src !== %s`, browser.Quote(before)))
	b.Press("Full size")
	b.Wait(`!!document.querySelector('dialog[open] img')`)
	b.Shot("picture-full")
	b.Keys(kb.Escape)
	b.Wait(`!document.querySelector('dialog[open]')`)
	for _, name := range []string{"network", "actions", "device", "raw"} {
		b.Script(`document.querySelector('[data-tab=` + name + `]').click()`)
		b.Wait(`location.search.includes('tab=` + name + `')`)
		if name == "network" {
			b.Script(`document.querySelector('[role=tabpanel] details').open = true`)
		}
		b.Script(`document.querySelector('[role=tablist]').scrollIntoView()`)
		b.Accessible(name)
		b.Shot("report-" + name)
	}
	b.Script(`document.querySelector('[data-tab=console]').click(); scrollTo(0, 0)`)
	b.Scheme("dark")
	b.Shot("report-dark")
	b.Accessible("report, dark")
	b.Size(390, 780)
	b.Shot("report-narrow")
	b.Accessible("report, narrow")
	b.Scheme("light")
	b.Size(1360, 860)

	b.Press("Mark resolved")
	b.Sees("Status is now Resolved")
	b.Shot("report-resolved")
	b.Press("Undo")
	b.Sees("Mark resolved")
	b.Script(`document.querySelector('main a').click()`)
	b.Wait(`document.activeElement?.innerText === 'Transfer button does nothing'`)
	b.Press("Reset")
	b.Wait(`document.querySelectorAll('tbody tr').length === 50`)

	b.Script(`[...document.querySelectorAll('tbody a')].find((a) => a.innerText.startsWith('<img')).click()`)
	b.Sees("could not be read")
	for _, name := range []string{"network", "actions", "device", "raw"} {
		b.Script(`document.querySelector('[data-tab=` + name + `]').click()`)
		b.Wait(`document.querySelector('[data-tab=` + name + `]').getAttribute('aria-selected') === 'true'`)
		if b.Eval(`document.querySelectorAll('main a[href^="javascript"], main [onerror]').length`) != "0" {
			t.Errorf("%s: a hostile report made something that runs", name)
		}
	}
	b.Shot("report-hostile")
	path := b.Eval(`location.pathname`)
	b.Keys("J")
	b.Wait(fmt.Sprintf(`location.pathname !== %s && location.search.includes('tab=raw')`, browser.Quote(path)))
	b.Keys("K")
	b.Wait(fmt.Sprintf(`location.pathname === %s`, browser.Quote(path)))
	b.Sees("Delete report")
	b.Press("Delete report")
	b.Wait(`!!document.querySelector('dialog[open]')`)
	b.Accessible("delete")
	b.Shot("delete")
	b.Press("Delete")
	b.Wait(`location.pathname === '/bugs'`)
	b.Sees("59 reports")

	b.Open(path)
	b.Sees("This report is not there")
	b.Accessible("error")
	b.Shot("error")
	b.Open("/nowhere")
	b.Sees("There is no such page")
	b.Accessible("no such page")
	b.Script(`{ const s = [...document.querySelectorAll('select')].find((e) => e.ariaLabel === 'Language');
		Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(s, 'zh-Hant'); s.dispatchEvent(new Event('change', { bubbles: true })) }`)
	b.Sees("沒有這個頁面")
	b.Open("/bugs")
	b.Sees("新回報")
	b.Shot("list-chinese")
	b.Press("登出")
	b.Wait(`location.pathname === '/sign-in'`)
}

// TestTheBrowserTestSeesWhatItForbids breaks the rules on purpose: a guard that
// never barks proves nothing.
func TestTheBrowserTestSeesWhatItForbids(t *testing.T) {
	if !dashboard.Built(os.DirFS("dist")) {
		t.Fatal("the dashboard is not built; run make build")
	}
	b := browser.Open(t, browser.Options{Site: newSite(t).URL})
	for _, tc := range []struct{ name, script, want string }{
		{"inline style", `{ const s = document.createElement('style'); s.textContent = 'a{}'; document.head.append(s) }`, "style-src"},
		{"inline script", `{ const s = document.createElement('script'); s.textContent = '1'; document.head.append(s) }`, "script-src"},
		{"data picture", `{ new Image().src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' }`, "img-src"},
		{"another host", `{ fetch('https://127.0.0.1:9/').catch(() => {}) }`, "connect-src"},
		{"uncaught error", `{ setTimeout(() => { throw new Error('on purpose') }) }`, "on purpose"},
	} {
		b.Open("/sign-in")
		b.Script(tc.script)
		deadline := time.After(20 * time.Second)
		for !strings.Contains(strings.Join(b.Problems(), "\n"), tc.want) {
			select {
			case <-b.Changed:
			case <-deadline:
				t.Fatalf("%s went unseen", tc.name)
			}
		}
		b.Reset()
	}
}

// submit sends sixty reports the way the widget does: one with everything, one
// that is hostile in every member, and plain ones.
func (s *site) submit(t *testing.T, key string) {
	t.Helper()
	now := time.Now().UnixMilli()
	for i := range 58 {
		s.report(t, key, map[string]any{
			"title": titles()[i%len(titles())], "description": fmt.Sprintf("Seen %d times today.", i+1),
			"severity": []string{"low", "medium", "high", "critical"}[i*7%4], "category": "bug",
		})
	}
	s.report(t, key, map[string]any{
		"title": "<img src=x onerror=alert(1)>", "severity": "low", "category": "other", "description": "<script>alert(1)</script> \u202e",
		"console_logs":  []any{nil, 1, "text", []any{[]any{}}, map[string]any{"message": map[string]any{"a": []any{1}}, "level": 7, "timestamp": 1e300}},
		"network_logs":  []any{map[string]any{"url": "javascript:alert(1)", "status": "200", "duration": -5, "timestamp": "x", "responseHeaders": "x"}, 5},
		"user_actions":  map[string]any{"type": []any{}},
		"metadata":      map[string]any{"url": "javascript:alert(1)", "userAgent": 5, "deep": map[string]any{"a": map[string]any{"b": map[string]any{"c": map[string]any{"d": 1}}}}},
		"__proto__":     map[string]any{"polluted": true},
		"screenshotUrl": "https://elsewhere.example/x.png",
	})
	plain, annotated := s.upload(t, key, picture(false)), s.upload(t, key, picture(true))
	s.report(t, key, map[string]any{
		"title":       "Transfer button does nothing",
		"description": "I fill in the amount and the account, press Transfer, and nothing happens.\nIt worked last week. The spinner never stops on the second try.",
		"severity":    "critical", "category": "bug", "reporter_identifier": "mei.chan@bank.example",
		"screenshot_url": plain, "annotated_screenshot_url": annotated,
		"console_logs": []any{
			map[string]any{"level": "info", "message": "transfer: form ready", "timestamp": now - 9200},
			map[string]any{"level": "warn", "message": "rates are older than 60 s, using the last known ones", "timestamp": now - 4100},
			map[string]any{"level": "error", "message": "TypeError: Cannot read properties of undefined (reading 'iban')", "timestamp": now - 1300,
				"stack": "TypeError: Cannot read properties of undefined (reading 'iban')\n    at submit (https://bank.example/assets/transfer.js:118:24)\n    at HTMLFormElement.onsubmit (https://bank.example/assets/transfer.js:64:9)"},
			map[string]any{"level": "log", "message": "retry 1 of 3", "timestamp": now - 600},
		},
		"network_logs": []any{
			map[string]any{"method": "GET", "url": "https://bank.example/api/accounts?limit=20", "status": 200, "duration": 184, "timestamp": now - 9000, "responseHeaders": map[string]any{"content-type": "application/json", "cache-control": "no-store"}},
			map[string]any{"method": "GET", "url": "https://bank.example/api/rates/EUR", "status": 304, "duration": 61, "timestamp": now - 8300},
			map[string]any{"method": "POST", "url": "https://bank.example/api/transfers", "status": 500, "duration": 2310, "timestamp": now - 3600, "responseHeaders": map[string]any{"content-type": "application/problem+json", "x-request-id": "b71e"}},
			map[string]any{"method": "POST", "url": "https://bank.example/api/transfers", "status": 0, "duration": 900, "timestamp": now - 950},
		},
		"user_actions": []any{
			map[string]any{"type": "navigation", "timestamp": now - 9300, "data": map[string]any{"url": "https://bank.example/transfer"}},
			map[string]any{"type": "click", "timestamp": now - 3700, "target": "main > form#transfer > button.primary", "data": map[string]any{"x": 812, "y": 540}},
			map[string]any{"type": "scroll", "timestamp": now - 2100, "data": map[string]any{"y": 320}},
		},
		"metadata": map[string]any{
			"url": "https://bank.example/transfer?step=2", "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
			"viewport": map[string]any{"width": 1280, "height": 720}, "locale": "zh-HK", "timezone": "Asia/Hong_Kong", "performance": map[string]any{"lcp": 1840, "cls": 0.02},
		},
	})
}

func titles() []string {
	return []string{
		"Statement download stops at 99 %", "Search field loses focus on every key", "Balance shows NaN after switching accounts",
		"Page jumps to the top when the chat opens", "Sign-in code field does not accept pasted digits", "Chart overlaps its legend on a tablet",
		"Beneficiary list is empty until reload", "Timeout warning appears behind the dialog",
	}
}

func (s *site) report(t *testing.T, key string, body map[string]any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	s.post(t, key, "/api/v1/reports", "application/json", bytes.NewReader(data), http.StatusCreated)
}

func (s *site) upload(t *testing.T, key string, data []byte) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(map[string][]string{
		"Content-Disposition": {`form-data; name="file"; filename="screenshot.png"`}, "Content-Type": {"image/png"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	var answer struct{ Key string }
	if err := json.Unmarshal(s.post(t, key, "/api/v1/upload/screenshot", form.FormDataContentType(), &body, http.StatusOK), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Key
}

func (s *site) post(t *testing.T, key, path, contentType string, body io.Reader, want int) []byte {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", key)
	r.Header.Set("Content-Type", contentType)
	res, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, answer, err)
	}
	return answer
}

// picture draws a page with a form, and a red frame when annotated.
func picture(annotated bool) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	fill := func(x0, y0, x1, y1 int, c color.Color) {
		draw.Draw(m, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(0, 0, 1280, 720, color.RGBA{246, 248, 250, 255})
	fill(0, 0, 1280, 64, color.RGBA{15, 76, 92, 255})
	fill(360, 120, 920, 640, color.White)
	for i := range 4 {
		fill(400, 170+i*90, 560, 182+i*90, color.RGBA{180, 188, 196, 255})
		fill(400, 194+i*90, 880, 234+i*90, color.RGBA{234, 238, 242, 255})
	}
	fill(700, 560, 880, 606, color.RGBA{15, 76, 92, 255})
	if annotated {
		red := color.RGBA{233, 69, 96, 255}
		fill(684, 546, 896, 551, red)
		fill(684, 615, 896, 620, red)
		fill(684, 546, 689, 620, red)
		fill(891, 546, 896, 620, red)
	}
	var out bytes.Buffer
	_ = png.Encode(&out, m) // a bytes.Buffer takes everything
	return out.Bytes()
}
