package widget_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/browser"
)

// captured is what the page tells of one picture.
type captured struct {
	MS, Longest, Covered, Width, Height int
	Missing                             []string
}

// captureSite serves the pages of testdata/capture under a strict policy, with the
// built part. extra is added to the sources of images.
func captureSite(t *testing.T, extra string) *httptest.Server {
	t.Helper()
	built, err := filepath.Glob("dist/widget/capture-*.js")
	if err != nil || len(built) == 0 {
		t.Fatal("the widget is not built; run make build")
	}
	policy := "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' " + extra +
		"; style-src 'self'; frame-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
	var picture bytes.Buffer
	tile := image.NewRGBA(image.Rect(0, 0, 30, 20))
	for y := range 20 {
		for x := range 30 {
			tile.Set(x, y, color.RGBA{uint8(x * 8), uint8(y * 12), uint8(40 + 160*((x/4+y/4)%2)), 255})
		}
	}
	if err := png.Encode(&picture, tile); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		name := strings.TrimPrefix(r.URL.Path, "/")
		switch {
		case name == "favicon.ico":
			w.WriteHeader(http.StatusNoContent)
		case name == "picture.png":
			w.Header().Set("Content-Type", "image/png")
			w.Write(picture.Bytes())
		case name == "parts.json":
			addresses := map[string]string{}
			for _, part := range []string{"capture", "file", "share", "privacy"} {
				file, err := filepath.Glob("dist/widget/" + part + "-*.js")
				if err != nil || len(file) == 0 {
					http.NotFound(w, r)
					return
				}
				addresses[part] = strings.TrimPrefix(file[len(file)-1], "dist")
			}
			json.NewEncoder(w).Encode(addresses)
		case strings.HasPrefix(name, "widget/"):
			w.Header().Set("Content-Type", "text/javascript")
			http.ServeFile(w, r, filepath.Join("dist", path.Clean(name)))
		default:
			data, err := os.ReadFile(filepath.Join("testdata/capture", path.Base(name)))
			if err != nil {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", contentType(name))
			w.Write(data)
		}
	}))
	t.Cleanup(site.Close)
	return site
}

func contentType(name string) string {
	if strings.HasSuffix(name, ".mjs") {
		return "text/javascript; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// open goes to a page and waits until it and the part are there.
func openCapture(b *browser.Tab, page string) {
	b.Open(page)
	b.Wait(`document.title === 'Ready' && window.loaded === true`)
}

// shoot makes a picture of the open page.
func shoot(t *testing.T, b *browser.Tab, privacy string) ([]byte, captured) {
	t.Helper()
	b.Script(`window.done = null; void shoot(` + browser.Quote(privacy) + `).catch((e) => { window.done = JSON.stringify({ failed: String(e) }) })`)
	b.Wait(`window.done !== null`)
	told := b.Eval(`window.done`)
	var c captured
	if err := json.Unmarshal([]byte(told), &c); err != nil || c.Width == 0 {
		t.Fatalf("no picture: %s", told)
	}
	encoded := strings.TrimPrefix(b.Eval(`window.picture`), "data:image/png;base64,")
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return data, c
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// differing returns the share of pixels that a person can tell apart.
func differing(t *testing.T, a, b image.Image) float64 {
	t.Helper()
	if a.Bounds() != b.Bounds() {
		t.Fatalf("sizes differ: %v and %v", a.Bounds(), b.Bounds())
	}
	const visible = 48 * 0x101
	far := func(x, y uint32) bool { return x > y+visible || y > x+visible }
	n := 0
	r := a.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			if far(ar, br) || far(ag, bg) || far(ab, bb) {
				n++
			}
		}
	}
	return float64(n) / float64(r.Dx()*r.Dy())
}

// keep leaves a picture where a person can look at it.
func keep(t *testing.T, name string, data []byte) {
	if dir := os.Getenv("BUGSPARK_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// TestCaptureLooksLikeTheBrowser compares the picture with the browser's own.
func TestCaptureLooksLikeTheBrowser(t *testing.T) {
	for _, extra := range []string{"", "data:"} {
		t.Run("img-src "+extra, func(t *testing.T) {
			site := captureSite(t, extra)
			b := browser.Open(t, browser.Options{Site: site.URL})
			b.Size(1280, 720)
			for _, page := range []string{"/conformance.html", "/conformance.html?plain"} {
				openCapture(b, page)
				dir := t.TempDir()
				want := screenshot(t, b, dir)
				got, c := shoot(t, b, "open")
				keep(t, "capture-conformance.png", got)
				share := differing(t, want, decode(t, got))
				t.Logf("%s: %.3f %% of the pixels differ; %d ms, longest task %d ms", page, share*100, c.MS, c.Longest)
				if share > 0.01 {
					t.Errorf("%s: %.3f %% of the pixels differ, want at most 1 %%", page, share*100)
				}
				if len(c.Missing) > 0 {
					t.Errorf("%s: missing %v", page, c.Missing)
				}
			}
		})
	}
}

// screenshot returns the browser's own picture.
func screenshot(t *testing.T, b *browser.Tab, dir string) image.Image {
	t.Helper()
	before := os.Getenv("BUGSPARK_SCREENSHOTS")
	t.Setenv("BUGSPARK_SCREENSHOTS", dir)
	b.Shot("browser")
	t.Setenv("BUGSPARK_SCREENSHOTS", before)
	data, err := os.ReadFile(filepath.Join(dir, "browser.png"))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, data)
}

// TestCaptureCoversSecrets makes pictures of the same page with other secrets. What can
// be told apart in them has leaked.
func TestCaptureCoversSecrets(t *testing.T) {
	site := captureSite(t, "")
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	openCapture(b, "/secrets.html?s=0")
	first, c := shoot(t, b, "strict")
	keep(t, "capture-secrets-0.png", first)
	shown, _ := shoot(t, b, "open")
	openCapture(b, "/secrets.html?s=1")
	second, _ := shoot(t, b, "strict")
	keep(t, "capture-secrets-1.png", second)
	other, _ := shoot(t, b, "open")
	t.Logf("%d regions covered", c.Covered)
	if c.Covered < 38 {
		t.Errorf("%d regions covered, want at least 38", c.Covered)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("the secrets can be told apart in %v", changed(decode(t, first), decode(t, second)))
	}
	if bytes.Equal(shown, other) {
		t.Error("the page shows no secrets without rules, so this test proves nothing")
	}
}

// changed returns the cells of the page's grid in which two pictures differ.
func changed(a, b image.Image) []string {
	seen := map[string]bool{}
	var out []string
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) == b.At(x, y) {
				continue
			}
			cell := fmt.Sprintf("row %d column %d", (y-39)/82+1, (x-8)/246+1)
			if !seen[cell] {
				seen[cell] = true
				out = append(out, cell)
			}
		}
	}
	return out
}

// TestCaptureOfLargePages prints how long pictures take; the machine decides that.
func TestCaptureOfLargePages(t *testing.T) {
	site := captureSite(t, "")
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	for _, kind := range []string{"table", "nodes", "map", "text"} {
		openCapture(b, "/large.html?kind="+kind)
		want := screenshot(t, b, t.TempDir())
		data, c := shoot(t, b, "strict")
		share := differing(t, want, decode(t, data))
		t.Logf("%s: %d ms, longest task %d ms, %.3f %% of the pixels differ", kind, c.MS, c.Longest, share*100)
		if len(c.Missing) > 0 || share > 0.01 {
			t.Errorf("%s: the picture is not complete: missing %v, %.3f %% differ", kind, c.Missing, share*100)
		}
	}
}

// TestCaptureOfBadPages proves that pages which break others give a picture, and stay
// as they are.
func TestCaptureOfBadPages(t *testing.T) {
	site := captureSite(t, "")
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	for _, name := range []string{"plain", "frozen", "traps", "patched", "contents", "empty", "nothing", "tall", "dark", "dialog", "deep", "frame", "moving"} {
		missing := ""
		if name == "frame" {
			missing = "frame"
		}
		openCapture(b, "/bad.html?case="+name)
		want := screenshot(t, b, t.TempDir())
		data, c := shoot(t, b, "open")
		keep(t, "capture-bad-"+name+".png", data)
		share := differing(t, want, decode(t, data))
		t.Logf("%s: %d ms, %.3f %% of the pixels differ, missing %v", name, c.MS, share*100, c.Missing)
		if got := strings.Join(c.Missing, " "); got != missing {
			t.Errorf("%s: missing %q, want %q", name, got, missing)
		}
		if share > 0.03 {
			t.Errorf("%s: %.3f %% of the pixels differ", name, share*100)
		}
		if b.Eval(`String(window.unchanged())`) != "true" {
			t.Errorf("%s: the page was changed", name)
		}
	}
}

// TestCaptureKeepsToItsOrigin proves that what is of another site is neither drawn nor
// asked for.
func TestCaptureKeepsToItsOrigin(t *testing.T) {
	asked := make(chan string, 100)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		if strings.HasSuffix(r.URL.Path, ".html") {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<p>of another site")
			return
		}
		w.Header().Set("Content-Type", "image/png")
		png.Encode(w, image.NewGray(image.Rect(0, 0, 8, 8)))
	}))
	t.Cleanup(other.Close)
	site := captureSite(t, other.URL+"; frame-src "+other.URL)
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	openCapture(b, "/bad.html?case=plain")
	b.Script(`{
		const image = document.getElementById('foreign')
		image.src = ` + browser.Quote(other.URL+"/image.png") + `
		image.onload = () => {
			document.getElementById('tainted').getContext('2d').drawImage(image, 0, 0)
			const frame = document.createElement('iframe')
			frame.src = ` + browser.Quote(other.URL+"/frame.html") + `
			document.body.append(frame)
			document.getElementById('after').style.backgroundImage = 'url(' + ` + browser.Quote(other.URL+"/background.png") + ` + ')'
			frame.onload = () => setTimeout(() => { window.foreign = true }, 200)
		}
	}`)
	b.Wait(`window.foreign === true`)
	before := len(asked)
	_, c := shoot(t, b, "open")
	got := strings.Join(c.Missing, " ")
	for _, want := range []string{"image", "canvas", "frame"} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q, want %s in it", got, want)
		}
	}
	if len(asked) != before {
		t.Errorf("%d requests to another site while the picture was made", len(asked)-before)
	}
	b.Reset() // the page's own requests to the other site
}

// otherSite serves an image that a page of another site may show and not read.
func otherSite(t *testing.T) *httptest.Server {
	t.Helper()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		png.Encode(w, image.NewGray(image.Rect(0, 0, 8, 8)))
	}))
	t.Cleanup(other.Close)
	return other
}

// TestShareShowsOnlyWhatThePageMayNotRead shares a red surface in place of the tab, as if
// everything on it were secret: what is red on the picture afterwards came from there.
func TestShareShowsOnlyWhatThePageMayNotRead(t *testing.T) {
	other := otherSite(t)
	site := captureSite(t, other.URL)
	b := browser.Open(t, browser.Options{Site: site.URL, Also: []string{other.URL}})
	b.Size(1280, 720)
	openCapture(b, "/secrets.html?s=1")
	b.Script(`{
		const put = (parent, name, text, style, attributes = {}) => {
			const e = parent.appendChild(document.createElement(name))
			if (text) e.append(text)
			Object.assign(e.style, { position: 'fixed', zIndex: 5, ...style })
			for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
			return e
		}
		const image = put(document.body, 'img', '', { left: '700px', top: '400px', width: '400px', height: '200px' }, { src: ` + browser.Quote(other.URL+"/image.png") + ` })
		put(document.body, 'span', 'unknown', { left: '720px', top: '420px', zIndex: 6 }, { 'data-bugspark-mask': '', class: 'over' })
		put(document.body, 'span', '4111 1111 1111 1111', { left: '720px', top: '460px', zIndex: 6 }, { class: 'over' })
		put(put(document.body, 'div', '', { left: '720px', top: '500px', width: '20px', height: '20px', zIndex: 6 }, { 'data-bugspark-block': '' }), 'b', 'outside of it', { left: '800px', top: '500px' }, { class: 'over' })
		const frame = put(document.body, 'iframe', '', { left: '700px', top: '620px', width: '200px', height: '60px' }, { src: ` + browser.Quote(other.URL+"/frame") + ` })
		put(document.body, 'div', '', { left: '920px', top: '620px' }).attachShadow({ mode: 'closed' }).append('closed to others')
		const above = (style, attributes = {}) => put(document.body, 'span', 'unknown to all', { zIndex: 6, ...style }, { 'data-bugspark-mask': '', class: 'over', ...attributes })
		above({ left: '900px', top: '420px', transform: 'perspective(200px) rotateY(40deg)' })
		above({ left: '900px', top: '460px', pointerEvents: 'none' })
		put(document.body, 'div', '', { left: '900px', top: '500px', width: '100px', height: '16px', zIndex: 6 }, { class: 'over' }).attachShadow({ mode: 'closed' }).append('closed')
		const drawing = put(document.body, 'div', '', { left: '900px', top: '540px', zIndex: 6 }, { 'data-bugspark-block': '' })
		put(drawing, 'b', 'far from it', { left: '960px', top: '560px', pointerEvents: 'none' }, { class: 'over' })
		const canvas = document.createElement('canvas')
		canvas.width = 1280
		canvas.height = 720
		const c = canvas.getContext('2d')
		setInterval(() => { c.fillStyle = '#f00'; c.fillRect(0, 0, 1280, 720) }, 20)
		let handle
		window.own = true
		window.tracks = []
		navigator.mediaDevices.setCaptureHandleConfig = (config) => { handle = config.handle ?? null }
		navigator.mediaDevices.getDisplayMedia = async () => {
			if (window.own === null) throw new DOMException('no', 'NotAllowedError')
			const stream = canvas.captureStream(30)
			tracks = stream.getTracks()
			const now = window.own ? handle : 'of another tab'
			tracks[0].getCaptureHandle = () => ({ handle: now })
			return stream
		}
		let moving
		window.take = async (own, kind) => {
			window.told = null
			window.own = own
			if (kind === 'moving') moving = setInterval(() => { document.querySelector('.over').style.left = 710 + Math.random() * 300 + 'px' }, 1)
			if (kind === 'turning') moving = document.querySelector('.over').animate([{ transform: 'none' }, { transform: 'translate(300px, 100px)' }], { duration: 900, iterations: Infinity })
			if (kind === 'zoomed') Object.defineProperty(visualViewport, 'scale', { configurable: true, value: 2 })
			const { part, sharing, strict } = await import('/stub.mjs')
			const p = await sharing.share({ ignore: document.createElement('div'), privacy: strict }, part)
			clearInterval(moving)
			moving?.cancel?.()
			delete visualViewport.scale
			if (!p) return void (window.told = 'declined')
			const d = p.canvas.getContext('2d').getImageData(0, 0, 1280, 720).data
			const text = document.createRange()
			const boxes = [...document.querySelectorAll('.over')].map((e) => (text.selectNodeContents(e), text.getBoundingClientRect()))
			const within = (r, x, y) => x >= r.left && x < r.right && y >= r.top && y < r.bottom
			let [inside, outside, over] = [0, 0, 0]
			for (let i = 0; i < d.length; i += 4) {
				if (!(d[i] > 200 && d[i + 1] < 60 && d[i + 2] < 60)) continue
				const [x, y] = [i / 4 % 1280, Math.floor(i / 4 / 1280)]
				if (!within(image.getBoundingClientRect(), x, y)) outside++
				else if (boxes.some((b) => within(b, x, y))) over++
				else inside++
			}
			window.told = JSON.stringify({ own: p.own, live: tracks.some((t) => t.readyState === 'live'), reset: handle === null, shows: inside > 50000, outside: outside > 0, over, missing: p.missing.join() })
		}
		image.onload = () => { frame.onload = () => { window.foreign = true }; frame.src += '?' }
	}`)
	b.Wait(`window.foreign === true`)
	for call, want := range map[string]string{
		"true":            `{"own":true,"live":false,"reset":true,"shows":true,"outside":false,"over":0,"missing":"frame"}`,
		"true, 'moving'":  `{"own":true,"live":false,"reset":true,"shows":false,"outside":false,"over":0,"missing":"frame,image"}`,
		"true, 'turning'": `{"own":true,"live":false,"reset":true,"shows":false,"outside":false,"over":0,"missing":"frame,image"}`,
		"true, 'zoomed'":  `{"own":true,"live":false,"reset":true,"shows":false,"outside":false,"over":0,"missing":"frame,image"}`,
		"false":           `{"own":false,"live":false,"reset":true,"shows":true,"outside":true,"over":` + `OVER` + `,"missing":""}`,
		"null":            `declined`,
	} {
		b.Script(`void take(` + call + `).catch((e) => { window.told = String(e) })`)
		b.Wait(`window.told !== null`)
		got := b.Eval(`window.told`)
		if strings.Contains(want, "OVER") {
			got = regexp.MustCompile(`"over":\d+`).ReplaceAllString(got, `"over":OVER`)
		}
		if got != want {
			t.Errorf("sharing with %s: %s, want %s", call, got, want)
		}
	}
	b.Reset() // what the page asked of the other site
	if os.Getenv("BUGSPARK_SOAK") != "" {
		t.Run("of the browser", shareOfTheBrowser)
	}
}

// shareOfTheBrowser asks the browser itself for its tab, and gets the image of another site
// from it, which is black. Browsers without a window do not always answer, so this is part of
// the long form only.
func shareOfTheBrowser(t *testing.T) {
	other := otherSite(t)
	site := captureSite(t, other.URL)
	b := browser.Open(t, browser.Options{Site: site.URL, Also: []string{other.URL}, Share: true})
	openCapture(b, "/bad.html?case=plain")
	b.Script(`{
		const image = document.createElement('img')
		document.body.replaceChildren(image)
		Object.assign(image.style, { position: 'fixed', left: '40px', top: '40px', width: '300px', height: '200px' })
		const over = document.body.appendChild(document.createElement('span'))
		over.append('4111 1111 1111 1111')
		Object.assign(over.style, { position: 'fixed', left: '60px', top: '60px' })
		window.told = null
		image.onload = () => { window.told = 'shown' }
		image.src = ` + browser.Quote(other.URL+"/image.png") + `
		addEventListener('click', async () => {
			window.told = null
			const { part, sharing, strict } = await import('/stub.mjs')
			const p = await sharing.share({ ignore: document.createElement('div'), privacy: strict, scale: 1 }, part)
			const at = (x, y) => [...p.canvas.getContext('2d').getImageData(x, y, 1, 1).data].join()
			window.told = [p.own, p.missing.join('+'), at(20, 20), at(50, 200), at(100, 68)].join(' ')
		})
	}`)
	b.Wait(`window.told === 'shown'`)
	b.Click(20, 20) // a page may only ask while its visitor does something
	b.Wait(`window.told !== null && window.told !== 'shown'`)
	if got, want := b.Eval(`window.told`), "true  255,255,255,255 0,0,0,255 139,143,152,255"; got != want {
		t.Errorf("the browser's own picture: %s, want %s", got, want)
	}
}

// split writes a number in pieces that no element holds together, and what a page hides by
// other means than visibility. n is a number of sixteen digits.
const split = `window.split = (n) => {
	const [a, b, c, d] = n.match(/..../g)
	const put = (parent, name, text, style = {}, attributes = {}) => {
		const e = parent.appendChild(name === 'svg' || name === 'text' ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name))
		if (text) e.append(text)
		Object.assign(e.style, style)
		for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
		return e
	}
	document.body.replaceChildren()
	document.adoptedStyleSheets = [Object.assign(new CSSStyleSheet())]
	document.adoptedStyleSheets[0].replaceSync('.tail::after{content:" " attr(data-tail)}.head::before{content:attr(data-head) " "}')
	const row = put(put(document.body, 'table'), 'tr')
	for (const part of [a, b, c, d]) put(row, 'td', part)
	const columns = put(document.body, 'div', '', { columns: '2', columnGap: '10px', width: '200px' })
	put(columns, 'div', a + ' ' + b)
	put(columns, 'div', c + ' ' + d)
	const flex = put(document.body, 'div', '', { display: 'flex', gap: '8px' })
	for (const pair of [[a, b], [c, d]]) {
		const inner = put(put(flex, 'div'), 'div', '', { display: 'flex', gap: '8px' })
		for (const part of pair) put(put(inner, 'div'), 'p', part, { margin: '0' })
	}
	const boxes = put(document.body, 'div', '', { display: 'grid', gridTemplateColumns: 'repeat(16, 24px)', gap: '6px' })
	for (const digit of n) put(put(boxes, 'div', '', { border: '1px solid' }), 'div', digit)
	const drawing = put(document.body, 'svg', '', {}, { width: 400, height: 40 })
	;[a, b, c, d].forEach((part, i) => put(drawing, 'text', part, {}, { x: 10 + 45 * i, y: 25 }))
	put(document.body, 'p', b + ' ' + c, {}, { class: 'head tail', 'data-head': a, 'data-tail': d })
	const apart = put(put(document.body, 'table'), 'tr')
	for (const part of [a, b, c, d]) {
		const cell = put(apart, 'td', part)
		put(cell, 'span', 'of', { position: 'absolute', clip: 'rect(0px, 0px, 0px, 0px)' })
		put(cell, 'span', 'to', { opacity: '0' })
		put(cell, 'span', 'by', { color: 'transparent' })
		put(cell, 'span', 'in', { position: 'absolute', clipPath: 'inset(50%)' })
	}
	const named = put(put(document.body, 'table'), 'tr')
	put(named, 'th', 'Password')
	put(named, 'td', n.slice(0, 4).replace(/\d/g, (d) => 'abcdefghij'[d]), { font: '16px monospace' })
	for (const [x, y, text] of [[400, 408, 'Side note'], [500, 416, a + ' ' + b], [600, 418, c + ' ' + d]]) put(document.body, 'span', text, { position: 'absolute', left: x + 'px', top: y + 'px', font: '16px monospace' })
	const turned = put(put(document.body, 'table', '', { transform: 'rotate(0.03deg)' }), 'tr')
	for (const part of [a, b, c, d]) put(turned, 'td', part)
	const images = put(document.body, 'div')
	for (const part of [a, b, c, d]) put(images, 'img', '', { width: '60px', height: '20px' }, { src: '/gone.png', alt: part })
	const buttons = put(document.body, 'div')
	for (const part of [a, b, c, d]) put(buttons, 'button', part)
	// Hidden by the page, and different every time.
	put(document.body, 'div', 'hidden ' + n.slice(0, 5), { maskImage: 'linear-gradient(transparent, transparent)', webkitMaskImage: 'linear-gradient(transparent, transparent)' })
	put(document.body, 'div', 'hidden ' + n.slice(0, 5), { clipPath: 'url(#nothing)' })
	const relative = put(document.body, 'div', '', { position: 'relative', height: '30px' })
	put(relative, 'span', 'hidden ' + n.slice(0, 5), { position: 'absolute', clip: 'rect(0px, 0px, 0px, 0px)' })
	const card = put(document.body, 'div', '', { transformStyle: 'preserve-3d', transform: 'rotateY(180deg)', width: '200px' })
	put(card, 'div', 'hidden ' + n.slice(0, 5), { backfaceVisibility: 'hidden' })
	put(document.body, 'p', 'Nothing is secret here: 12 34 56')
}`

// TestCaptureReadsWhatStandsTogether makes pictures of two numbers, which must not differ.
func TestCaptureReadsWhatStandsTogether(t *testing.T) {
	site := captureSite(t, "")
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	openCapture(b, "/bad.html?case=plain")
	b.Script(split)
	var pictures [][]byte
	for _, n := range []string{"4111111111111111", "4242424242424242"} {
		b.Script(`split(` + browser.Quote(n) + `)`)
		data, c := shoot(t, b, "strict")
		keep(t, "together-"+n+".png", data)
		if c.Covered < 20 {
			t.Errorf("%s: %d regions are covered", n, c.Covered)
		}
		pictures = append(pictures, data)
	}
	if !bytes.Equal(pictures[0], pictures[1]) {
		t.Error("the pictures of two numbers differ")
	}
	b.Script(`split('1234567890123456')`) // no number of a card
	data, _ := shoot(t, b, "strict")
	if bytes.Equal(data, pictures[0]) {
		t.Error("a number that is no secret is covered too")
	}
}

// TestCaptureHidesBehindFilters compares masks and blurred backgrounds with the browser's.
func TestCaptureHidesBehindFilters(t *testing.T) {
	site := captureSite(t, "data:")
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	openCapture(b, "/bad.html?case=plain")
	b.Script(`{
		document.body.replaceChildren()
		const put = (text, style) => {
			const e = document.body.appendChild(document.createElement('div'))
			e.append(text)
			Object.assign(e.style, { font: '24px sans-serif', ...style })
		}
		const words = 'What is read below a blurred pane. '.repeat(20)
		put(words, {})
		put('', { position: 'absolute', left: '100px', top: '20px', width: '400px', height: '120px', backdropFilter: 'blur(12px)', background: 'rgba(255, 255, 255, 0.2)' })
		put(words, { maskImage: 'linear-gradient(to right, #000 30%, transparent 60%)', webkitMaskImage: 'linear-gradient(to right, #000 30%, transparent 60%)' })
		put('', { width: '100px', height: '60px', background: '#069', maskImage: 'url(/picture.png)', webkitMaskImage: 'url(/picture.png)' })
		put('turned away', { backfaceVisibility: 'hidden', transform: 'rotateY(180deg)' })
		put('clipped away', { position: 'absolute', clip: 'rect(0px, 60px, 40px, 0px)' })
	}`)
	want := b.Screen()
	data, _ := shoot(t, b, "open")
	keep(t, "filters.png", data)
	share := differing(t, decode(t, want), decode(t, data))
	t.Logf("%.3f %% of the pixels differ", share*100)
	if share > 0.01 {
		t.Errorf("%.3f %% of the pixels differ", share*100)
	}
}

// TestReadTakesPicturesOnly reads a picture, and refuses what is none.
func TestReadTakesPicturesOnly(t *testing.T) {
	site := captureSite(t, "")
	b := browser.Open(t, browser.Options{Site: site.URL})
	openCapture(b, "/bad.html?case=plain")
	b.Script(`{
		window.told = null
		void (async () => {
			const { file: part } = await import('/stub.mjs')
			const good = await part.read(await (await fetch('/picture.png')).blob())
			const refused = []
			for (const file of [new Blob([]), new Blob(['text']), (await (await fetch('/picture.png')).blob()).slice(0, 40)]) {
				refused.push(await part.read(file).then(() => 'taken', (e) => e.constructor.name))
			}
			window.told = [good.canvas.width, good.canvas.height, ...refused].join(' ')
		})()
	}`)
	b.Wait(`window.told !== null`)
	if got, want := b.Eval(`window.told`), "30 20 Error Error Error"; got != want {
		t.Errorf("reading: %s, want %s", got, want)
	}
}
