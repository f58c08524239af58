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
			file, err := filepath.Glob("dist/widget/file-*.js")
			if err != nil || len(file) == 0 {
				http.NotFound(w, r)
				return
			}
			fmt.Fprintf(w, `{"capture": "/%s", "file": "/%s"}`, strings.TrimPrefix(built[len(built)-1], "dist/"), strings.TrimPrefix(file[0], "dist/"))
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
	for _, kind := range []string{"table", "nodes", "text"} {
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

// TestShareCoversSecrets shares a white surface in place of the tab: what is dark on the
// picture afterwards was covered.
func TestShareCoversSecrets(t *testing.T) {
	site := captureSite(t, "")
	b := browser.Open(t, browser.Options{Site: site.URL})
	b.Size(1280, 720)
	openCapture(b, "/secrets.html?s=1")
	b.Script(`{
		const canvas = document.createElement('canvas')
		canvas.width = 1280
		canvas.height = 720
		const c = canvas.getContext('2d')
		setInterval(() => { c.fillStyle = '#fff'; c.fillRect(0, 0, 1280, 720) }, 20)
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
		window.take = async (own) => {
			window.told = null
			window.own = own
			const { part, strict } = await import('/stub.mjs')
			const p = await part.share({ ignore: document.createElement('div'), privacy: strict })
			const at = (s) => {
				const r = (typeof s === 'string' ? document.querySelector(s) : s).getBoundingClientRect()
				const d = p.canvas.getContext('2d').getImageData(Math.ceil(r.left), Math.ceil(r.top), Math.max(1, Math.floor(r.width) - 1), Math.max(1, Math.floor(r.height) - 1)).data
				return d.every((v, i) => i % 4 === 3 || v < 200)
			}
			window.told = !p ? 'declined' : JSON.stringify({ own: p.own, live: tracks.some((t) => t.readyState === 'live'), reset: handle === null,
				dark: own ? ['.blocked', '.out', '#svg-mask', '#image', '#canvas', '#alt'].filter((s) => !at(s)) : [], free: at('h1') })
		}
	}`)
	for own, want := range map[string]string{
		"true":  `{"own":true,"live":false,"reset":true,"dark":[],"free":false}`,
		"false": `{"own":false,"live":false,"reset":true,"dark":[],"free":false}`,
		"null":  `declined`,
	} {
		b.Script(`void take(` + own + `).catch((e) => { window.told = String(e) })`)
		b.Wait(`window.told !== null`)
		if got := b.Eval(`window.told`); got != want {
			t.Errorf("sharing with own %s: %s, want %s", own, got, want)
		}
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
