package widget_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/bugspark/bugspark/internal/browser"
)

// annotatorPage opens the editor on a picture of 1000 x 600 pixels with two secrets in
// the same place, in a closed root unless its address says otherwise.
const annotatorPage = `import { css, annotate } from '/annotator.js'
import texts from '/text.js'
const query = new URLSearchParams(location.search)
const host = document.createElement('div')
document.body.append(host)
const root = host.attachShadow({ mode: query.has('open') ? 'open' : 'closed' })
const sheet = new CSSStyleSheet()
sheet.replaceSync(css)
root.adoptedStyleSheets = [sheet]
const into = document.createElement(query.has('form') ? 'dialog' : 'div')
if (query.has('theme')) into.dataset.theme = query.get('theme')
root.append(into)
window.heard = 0
if (query.has('form')) {
	const button = document.createElement('button')
	into.append(button)
	into.showModal()
	for (const type of ['keydown', 'paste', 'pointerdown', 'click', 'cancel', 'close', 'wheel']) into.addEventListener(type, () => window.heard++)
}
window.root = root
window.find = (selector) => root.querySelector(selector)
window.press = (name) => find('[data-do=' + name + ']').click()
window.paper = (secret, width = 1000, height = 600) => {
	const c = document.createElement('canvas')
	c.width = width
	c.height = height
	const x = c.getContext('2d')
	x.fillStyle = '#fff'
	x.fillRect(0, 0, width, height)
	x.fillStyle = '#000'
	x.font = '16px monospace'
	x.fillText(secret, 100, 320)
	x.font = '600 22px system-ui'
	x.fillText('Online banking', 40, 50)
	x.fillStyle = '#e9eef8'
	x.fillRect(560, 90, 380, 160)
	x.fillStyle = '#1b1e24'
	x.fillRect(560, 290, 380, 160)
	return c
}
window.edit = (drawing = null, picture = paper('4929 1234 5678 9012')) => {
	window.result = window.failed = undefined
	window.size = [picture.width, picture.height]
	annotate({ into, picture, drawing, text: texts.annotator, color: '#e02020' }).then((r) => { window.result = r }, (e) => { window.failed = e instanceof Error ? e.message : 'no Error' })
}
// Places of the picture on the screen while all of it is shown.
window.at = (x, y) => {
	const r = find('.bsa-surface').getBoundingClientRect()
	const scale = Math.min(1, (r.width - 40) / size[0], (r.height - 40) / size[1])
	return [r.left + (r.width - size[0] * scale) / 2 + x * scale, r.top + (r.height - size[1] * scale) / 2 + y * scale]
}
window.fire = (type, x, y, more = {}) => find('.bsa-surface').dispatchEvent(new PointerEvent(type, { bubbles: true, composed: true, cancelable: true,
	pointerId: 1, pointerType: 'mouse', isPrimary: true, buttons: 1, clientX: at(x, y)[0], clientY: at(x, y)[1], ...more }))
window.drag = (name, ...p) => {
	press(name)
	fire('pointerdown', p[0], p[1])
	for (let i = 2; i < p.length; i += 2) fire('pointermove', p[i], p[i + 1])
	fire('pointerup', p[p.length - 2], p[p.length - 1])
}
window.key = (key, more = {}) => root.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more }))
window.pixel = (canvas, x, y) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3).join()
window.region = (canvas, x, y, w, h) => [...canvas.getContext('2d').getImageData(x, y, w, h).data].join()
window.shades = (canvas, x, y, w, h) => {
	const d = canvas.getContext('2d').getImageData(x, y, w, h).data, all = new Set()
	for (let i = 0; i < d.length; i += 4) all.add([d[i], d[i + 1], d[i + 2]].join())
	return [...all]
}
window.ready = true
`

// drawn is what the editor gives back.
type drawn struct {
	Shapes []struct {
		Tool, Color, Text string
		Width             float64
		Points            []float64
	}
	Crop *struct{ X, Y, Width, Height float64 }
}

func (d drawn) tools() string {
	var names []string
	for _, s := range d.Shapes {
		names = append(names, s.Tool)
	}
	return strings.Join(names, " ")
}

// newAnnotator opens a page under the strictest policy with the built editor.
func newAnnotator(t *testing.T, query string) *browser.Tab {
	t.Helper()
	files := map[string]string{}
	for name, pattern := range map[string]string{"/annotator.js": "dist/widget/annotator-*.js", "/text.js": "dist/widget/text-en-*.js"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d files; run make build", pattern, len(found))
		}
		files[name] = found[0]
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'")
		switch name := r.URL.Path; {
		case files[name] != "":
			w.Header().Set("Content-Type", "text/javascript")
			http.ServeFile(w, r, files[name])
		case name == "/page.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, annotatorPage)
		case name == "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title><main><h1>Shop</h1><button id="before">Before</button></main><script type="module" src="/page.js"></script></html>`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(site.Close)
	b := browser.Open(t, browser.Options{Site: site.URL, Axe: axe})
	b.Open("/?" + query)
	b.Wait(`window.ready === true`)
	b.Script(`document.getElementById('before').focus()`)
	return b
}

func openEditor(b *browser.Tab, arguments string) {
	b.Script(`window.edit(` + arguments + `)`)
	b.Wait(`window.root.activeElement?.className === 'bsa-surface'`)
}

// finish presses Done and returns the drawing.
func finish(t *testing.T, b *browser.Tab) (d drawn) {
	t.Helper()
	b.Script(`window.press('done')`)
	b.Wait(`!!window.result || window.failed !== undefined`)
	if err := json.Unmarshal([]byte(b.Eval(`JSON.stringify(window.result?.drawing ?? window.failed)`)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func expect(t *testing.T, b *browser.Tab, expression, want string) {
	t.Helper()
	if got := b.Eval(expression); got != want {
		t.Errorf("%s is %s, want %s", expression, got, want)
	}
}

// TestDrawingByMouse uses every tool and looks at the pixels of both pictures.
func TestDrawingByMouse(t *testing.T) {
	b := newAnnotator(t, "")
	openEditor(b, "")
	b.Script(`window.drag('arrow', 50, 500, 150, 500, 250, 500)
		window.press('blue')
		window.drag('rectangle', 600, 120, 700, 200)
		window.press('green'); window.press('thick')
		window.drag('ellipse', 750, 120, 850, 200)
		window.press('black')
		window.drag('pen', 600, 500, 650, 520, 700, 500, 5000, 500)
		window.drag('arrow', 10, 10, 11, 11)
		window.drag('blur', 10, 10, 200, 11)
		window.press('red'); window.press('medium'); window.press('text')`)
	x, y := 0.0, 0.0
	if _, err := fmt.Sscan(strings.Trim(b.Eval(`window.at(300, 200)`), "[]"), &x, &y); err != nil {
		t.Fatal(err)
	}
	b.Click(x, y)
	b.Wait(`window.root.activeElement?.className === 'bsa-type'`)
	b.Keys("Does nothing")
	b.Script(`window.key('Enter', { isComposing: true })`)
	expect(t, b, `window.root.activeElement.className`, "bsa-type")
	b.Keys(kb.Enter)
	b.Wait(`window.root.activeElement?.className === 'bsa-surface'`)
	d := finish(t, b)
	if d.tools() != "arrow rectangle ellipse pen text" || d.Crop != nil {
		t.Fatalf("drawn: %+v", d)
	}
	if s := d.Shapes[3]; s.Points[len(s.Points)-2] != 1000 {
		t.Errorf("a line that leaves the picture ends at %v", s.Points)
	}
	if s := d.Shapes[4]; s.Text != "Does nothing" || s.Width >= d.Shapes[3].Width {
		t.Errorf("text is %+v", s)
	}
	for place, want := range map[string]string{"100, 500": "224,32,32", "650, 120": "26,102,214", "800, 120": "30,142,62", "900, 500": "17,20,24"} {
		expect(t, b, `window.pixel(window.result.annotated, `+place+`)`, want)
	}
	expect(t, b, `window.region(window.result.plain, 0, 0, 1000, 600) === window.region(window.paper('4929 1234 5678 9012'), 0, 0, 1000, 600)`, "true")
	expect(t, b, `document.activeElement.id`, "before")
	expect(t, b, `window.find('.bsa-editor') === null`, "true")
}

// TestBlurDestroys compares two secrets under the same blur: neither is left, and the
// region has no more colours than cells, in both pictures.
func TestBlurDestroys(t *testing.T) {
	b := newAnnotator(t, "")
	for i, secret := range []string{"4929 1234 5678 9012", "5105 8765 4321 0987"} {
		openEditor(b, "null, window.paper('"+secret+"')")
		b.Script(`window.drag('blur', 400, 340, 90, 300); window.drag('arrow', 500, 500, 600, 500)`)
		d := finish(t, b)
		if d.tools() != "blur arrow" {
			t.Fatalf("drawn: %+v", d)
		}
		for _, picture := range []string{"plain", "annotated"} {
			shades := `window.shades(window.result.` + picture + `, 90, 300, 310, 40)`
			expect(t, b, shades+`.length <= 10`, "true")
			expect(t, b, shades+`.some((c) => c === '0,0,0' || c === '255,255,255')`, "false")
		}
		expect(t, b, `window.pixel(window.result.plain, 550, 500)`, "255,255,255")
		expect(t, b, `window.pixel(window.result.annotated, 550, 500)`, "224,32,32")
		expect(t, b, `window.region(window.result.plain, 0, 0, 1000, 300) === window.region(window.paper(''), 0, 0, 1000, 300)`, "true")
		b.Script(fmt.Sprintf(`window.secret%d = window.region(window.result.plain, 90, 300, 310, 40)`, i))
	}
	expect(t, b, `window.secret0 === window.secret1`, "true")
}

// TestCropUndoAndOpeningAgain continues an earlier drawing, which undo leaves alone.
func TestCropUndoAndOpeningAgain(t *testing.T) {
	b := newAnnotator(t, "")
	openEditor(b, "")
	b.Script(`window.drag('blur', 90, 300, 400, 340)
		window.drag('rectangle', 600, 120, 700, 200)
		window.drag('crop', 50, 100, 800, 500)
		window.find('.bsa-surface').focus()
		window.key('z', { ctrlKey: true }); window.key('z', { metaKey: true }); window.key('z', { ctrlKey: true }); window.key('z', { ctrlKey: true })`)
	expect(t, b, `window.find('[data-do=undo]').getAttribute('aria-disabled')`, "true")
	b.Script(`window.key('y', { ctrlKey: true }); window.key('z', { ctrlKey: true, shiftKey: true }); window.press('redo'); window.press('redo')`)
	first := finish(t, b)
	if first.tools() != "blur rectangle" || first.Crop == nil || *first.Crop != (struct{ X, Y, Width, Height float64 }{50, 100, 750, 400}) {
		t.Fatalf("drawn: %+v", first)
	}
	expect(t, b, `[window.result.plain.width, window.result.plain.height, window.result.annotated.width, window.result.annotated.height].join()`, "750,400,750,400")
	expect(t, b, `window.pixel(window.result.annotated, 600, 20)`, "224,32,32")
	expect(t, b, `window.shades(window.result.plain, 40, 200, 310, 40).length <= 10`, "true")

	openEditor(b, "window.result.drawing")
	b.Keys(kb.Delete)
	b.Script(`window.press('undo'); window.press('undo')`)
	b.Wait(`window.find('[role=status]').textContent.includes('Rectangle')`)
	b.Script(`window.drag('ellipse', 300, 150, 400, 250)`)
	if again := finish(t, b); again.tools() != "blur rectangle ellipse" || again.Crop == nil {
		t.Errorf("drawn again: %+v", again)
	}
	openEditor(b, "window.result.drawing")
	b.Script(`window.press('crop')`)
	b.Script(`window.find('.bsa-surface').focus()`)
	b.Keys(kb.Delete)
	if last := finish(t, b); last.Crop != nil || last.tools() != "blur rectangle ellipse" {
		t.Errorf("without the crop: %+v", last)
	}
	expect(t, b, `window.result.plain.width`, "1000")
}

// TestDrawingByKeyboard uses real keys and nothing else, for every tool.
func TestDrawingByKeyboard(t *testing.T) {
	b := newAnnotator(t, "")
	openEditor(b, "")
	active := `(window.root.activeElement?.dataset.do ?? window.root.activeElement?.className)`
	to := func(want string) {
		t.Helper()
		for range 20 {
			if b.Eval(active) == want {
				return
			}
			b.Keys(kb.Tab)
		}
		t.Fatalf("Tab does not reach %s", want)
	}
	current := "arrow"
	for _, next := range []string{"rectangle", "ellipse", "text", "blur", "crop", "pen", "arrow"} {
		to(current)
		for b.Eval(active) != next {
			b.Keys(kb.ArrowRight)
		}
		b.Keys(" ")
		expect(t, b, `window.find('[aria-pressed=true]').dataset.do`, next)
		current = next
		to("bsa-surface")
		b.Keys(kb.ArrowDown + kb.ArrowRight)
		b.Keys(kb.Enter)
		if next == "text" {
			b.Keys("Here" + kb.Enter)
			continue
		}
		for range 30 {
			b.Keys(kb.ArrowRight + kb.ArrowDown)
		}
		b.Keys(kb.Enter)
		if next == "crop" {
			b.Wait(`window.find('[role=status]').textContent.startsWith('Added: Crop')`)
		}
	}
	to("red")
	b.Keys(kb.ArrowRight)
	expect(t, b, `window.find('[data-do=orange]').getAttribute('aria-checked')`, "true")
	to("bsa-surface")
	b.Keys(kb.ArrowLeft + kb.Enter + kb.ArrowLeft)
	b.Keys(kb.Escape) // the arrow in progress
	b.Keys(kb.Escape) // nothing: there are changes
	b.Wait(`window.find('[role=status]').textContent.startsWith('Column')`)
	if b.Eval(`!!window.find('.bsa-editor')`) != "true" {
		t.Fatal("Escape threw a drawing away")
	}
	b.Keys(kb.Delete)
	b.Wait(`window.find('[role=status]').textContent.startsWith('Removed: Arrow')`)
	to("done")
	b.Keys(kb.Enter)
	b.Wait(`!!window.result`)
	expect(t, b, `window.result.drawing.shapes.map((s) => s.tool).join(' ')`, "rectangle ellipse text blur pen")
	expect(t, b, `window.result.drawing.shapes[0].points.join()`, "501,300,531,330")
	expect(t, b, `window.result.drawing.shapes[4].points.length > 20`, "true")
	expect(t, b, `window.result.plain.width`, "30")
	expect(t, b, `document.activeElement.id`, "before")

	openEditor(b, "window.result.drawing")
	b.Keys(kb.Escape)
	b.Wait(`window.result === null`)
	expect(t, b, `document.activeElement.id`, "before")
}

// TestTheFormBelowStays: the editor is opened from a modal dialog that has listeners of
// its own for keys and presses.
func TestTheFormBelowStays(t *testing.T) {
	b := newAnnotator(t, "form")
	b.Script(`window.find('dialog button').focus()`)
	openEditor(b, "")
	b.Keys(kb.ArrowDown + kb.Enter + kb.ArrowDown + kb.Tab)
	b.Script(`window.drag('arrow', 50, 500, 250, 500)`)
	b.Keys(kb.Escape + kb.Escape + kb.Escape)
	expect(t, b, `window.find('.bsa-editor').open`, "true")
	b.Click(680, 400)
	b.Script(`window.press('undo'); window.press('undo'); window.find('.bsa-surface').focus()`)
	b.Keys(kb.Escape)
	b.Wait(`window.result === null`)
	expect(t, b, `window.find('dialog').open + ' ' + window.heard + ' ' + window.root.activeElement.localName`, "true 0 button")
}

// TestFingersZoom: two of them zoom, whatever the first has begun, and draw nothing.
func TestFingersZoom(t *testing.T) {
	b := newAnnotator(t, "")
	openEditor(b, "")
	b.Script(`window.press('rectangle')
		const touch = { pointerType: 'touch' }, second = { pointerType: 'touch', pointerId: 2, isPrimary: false }
		fire('pointerdown', 400, 300, touch); fire('pointermove', 410, 300, touch); fire('pointerdown', 600, 300, second)
		for (let i = 0; i <= 10; i++) { fire('pointermove', 410 - 10 * i, 300, touch); fire('pointermove', 600 + 10 * i, 300, second) }
		fire('pointerup', 700, 300, second); fire('pointermove', 500, 400, touch); fire('pointerup', 500, 400, touch)`)
	expect(t, b, `window.find('[data-do=undo]').getAttribute('aria-disabled')`, "true")
	b.Script(`window.drag('rectangle', 450, 250, 550, 350)`)
	b.Script(`window.find('.bsa-surface').focus(); window.key('0'); window.drag('rectangle', 450, 250, 550, 350)`)
	d := finish(t, b)
	if len(d.Shapes) != 2 {
		t.Fatalf("drawn: %+v", d)
	}
	long := func(i int) float64 { return d.Shapes[i].Points[2] - d.Shapes[i].Points[0] }
	if long(0) > 70 || long(0) < 30 || long(1) < 99 || long(1) > 101 {
		t.Errorf("100 pixels are %v while zoomed and %v while not", long(0), long(1))
	}
	openEditor(b, "")
	b.Script(`fire('pointerdown', 400, 300); fire('pointermove', 500, 300); fire('pointercancel', 500, 300)`)
	if d := finish(t, b); len(d.Shapes) != 0 {
		t.Errorf("a cancelled stroke drew %+v", d)
	}
	expect(t, b, `window.result.annotated`, "<nil>")
}

// TestPicturesOfEverySize: the longest side that there is, one pixel, and none.
func TestPicturesOfEverySize(t *testing.T) {
	b := newAnnotator(t, "")
	openEditor(b, "null, window.paper('', 16384, 900)")
	b.Script(`window.drag('blur', 8000, 100, 16384, 800); window.drag('arrow', 100, 450, 9000, 450)`)
	finish(t, b)
	expect(t, b, `[window.result.plain.width, window.result.plain.height, window.result.annotated.width].join()`, "16384,900,16384")
	expect(t, b, `window.shades(window.result.plain, 8100, 150, 8000, 600).length <= 24 * 6`, "true")
	expect(t, b, `window.pixel(window.result.annotated, 4000, 450)`, "224,32,32")
	openEditor(b, "null, window.paper('', 1, 1)")
	finish(t, b)
	expect(t, b, `window.result.plain.width`, "1")
	b.Script(`window.edit(null, window.paper('', 0, 10))`)
	b.Wait(`window.failed === 'the picture to draw on is empty'`)
	// A canvas that cannot be read fails with an Error, and the page is as before.
	b.Script(`{ const c = window.paper(''); window.edit(null, c); c.width = 0 }`)
	b.Script(`window.find('[data-do=done]')?.click()`)
	b.Wait(`typeof window.failed === 'string' && window.failed !== 'no Error'`)
	expect(t, b, `window.find('.bsa-editor') === null && document.activeElement.id`, "before")
}

// TestTheEditorIsAccessible lets axe look at it, and a person at its pictures.
func TestTheEditorIsAccessible(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		b := newAnnotator(t, "open&theme="+theme)
		openEditor(b, "")
		b.Accessible("editor, " + theme)
		b.Keys(kb.ArrowDown)
		b.Shot("annotator-keyboard-" + theme)
		b.Script(`window.drag('arrow', 420, 420, 300, 330)
			window.press('blue'); window.drag('rectangle', 580, 110, 920, 230)
			window.press('green'); window.drag('ellipse', 600, 310, 820, 430)
			window.press('orange'); window.drag('pen', 60, 500, 120, 480, 180, 520, 240, 480, 300, 520, 360, 490)
			window.drag('blur', 90, 300, 310, 340)
			window.press('red'); window.press('text'); fire('pointerdown', 600, 500); fire('pointerup', 600, 500)`)
		b.Wait(`window.root.activeElement?.className === 'bsa-type'`)
		b.Keys("This button does nothing")
		b.Accessible("typing, " + theme)
		b.Shot("annotator-typing-" + theme)
		b.Keys(kb.Enter)
		b.Accessible("drawn, " + theme)
		b.Shot("annotator-" + theme)
		b.Script(`window.drag('crop', 40, 80, 960, 470)`)
		b.Shot("annotator-crop-" + theme)
		b.Size(360, 700)
		b.Accessible("narrow, " + theme)
		b.Shot("annotator-narrow-" + theme)
		expect(t, b, `[...window.root.querySelectorAll('button')].filter((e) => { const r = e.getBoundingClientRect()
			return r.width < 40 || r.height < 40 || r.left < 0 || r.right > innerWidth }).map((e) => e.dataset.do + ' ' + JSON.stringify(e.getBoundingClientRect())).join()`, "")
		b.Size(1360, 860)
		b.Script(`window.press('cancel')`)
		b.Wait(`window.result === null`)
	}
}
