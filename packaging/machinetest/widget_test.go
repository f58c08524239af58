package machinetest

import (
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/machine"
)

// visitorReports is the main job of the product, through everything that is installed: a
// page of another site, under the strictest policy, with the snippet that the server's
// command prints. The browser fails the test on a violation and on any third host.
func visitorReports(t *testing.T, m *machine.Machine, s *site) {
	snippet := m.Run(t, "bugspark", "widget", "snippet", "--pinned", "--key", s.key)
	from, to := strings.Index(snippet, "<script"), strings.Index(snippet, "</script>")
	if from < 0 || to < from || !strings.Contains(snippet, `integrity="sha384-`) {
		t.Fatalf("the snippet is %s", snippet)
	}
	snippet = snippet[from:to] + "</script>" // beside it are the directives of a policy
	snippet = strings.Replace(snippet, "data-project-key", `data-enable-session-recording="true" data-project-key`, 1)
	policy := fmt.Sprintf("default-src 'none'; script-src 'self' %[1]s; connect-src 'self' %[1]s; img-src 'self' %[1]s; style-src 'self'; "+
		"require-trusted-types-for 'script'; trusted-types 'none'", s.base)
	shop := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Shop</title><h1>Shop of another site</h1><p>Card 4111 1111 1111 1111</p><button id="pay">Pay</button><script src="/page.js"></script>%s`, snippet)
		case "/page.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `document.getElementById('pay').addEventListener('click', () => { console.warn('paying'); fetch('/pay?token=abc') })`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(shop.Close)
	u, err := url.Parse(shop.URL)
	if err != nil {
		t.Fatal(err)
	}
	b := browser.Open(t, browser.Options{
		Site: "https://shop.test:" + u.Port(), Also: []string{s.base}, Map: "bugs.test " + m.Addr + ", MAP shop.test 127.0.0.1", Before: browser.ShadowRoots,
	})
	in := func(text string) {
		t.Helper()
		find := "window.find('button', " + browser.Quote(text) + ")"
		b.Wait("!!" + find)
		b.Script(find + ".click()")
	}
	b.Open("/")
	b.Wait(`!!window.find('.start')`)
	b.Script(`document.getElementById('pay').click()`)
	b.Script(`window.find('.start').click()`)
	b.Wait(`!!window.find('#bs-title')`)
	b.Script(`window.find('#bs-title').focus()`)
	b.Keys("Reported by a visitor")
	in("Take a picture of this page")
	b.Wait(`!!window.find('canvas.preview')`)
	in("Draw on it")
	b.Wait(`!!window.find('.bsa-surface')`)
	b.Drag(300, 300, 600, 400)
	b.Shot("installed-annotator")
	in("Done")
	b.Wait(`!window.find('.bsa-surface')`)
	in("Send report")
	b.Wait(`window.roots[0].querySelector('.bs').innerText.includes('Your report has arrived')`)
	b.Shot("installed-sent")

	var list struct{ Items []struct{ ID, Title string } }
	s.must(t, "GET", "/api/v1/reports?search=Reported+by+a+visitor", nil, &list)
	if len(list.Items) != 1 {
		t.Fatalf("%d reports arrived", len(list.Items))
	}
	var r struct {
		ScreenshotURL, AnnotatedScreenshotURL string
		ConsoleLogs, NetworkLogs, UserActions json.RawMessage
	}
	s.must(t, "GET", "/api/v1/reports/"+list.Items[0].ID, nil, &r)
	for name, have := range map[string]struct{ text, want string }{
		"console": {string(r.ConsoleLogs), "paying"}, "network": {string(r.NetworkLogs), "/pay?token=[hidden]"}, "actions": {string(r.UserActions), "button#pay"},
	} {
		if !strings.Contains(have.text, have.want) {
			t.Errorf("the %s log has no %q: %s", name, have.want, have.text)
		}
	}
	plain, annotated := s.image(t, r.ScreenshotURL), s.image(t, r.AnnotatedScreenshotURL)
	if plain.Bounds() != annotated.Bounds() || plain.Bounds().Dx() != 1360 {
		t.Errorf("the pictures are %v and %v", plain.Bounds(), annotated.Bounds())
	}
	different := 0
	for y := range plain.Bounds().Dy() {
		for x := range plain.Bounds().Dx() {
			if plain.At(x, y) != annotated.At(x, y) {
				different++
			}
		}
	}
	if different < 500 || different > 50_000 {
		t.Errorf("an arrow makes %d pixels different", different)
	}
}

func (s *site) image(t *testing.T, link string) image.Image {
	t.Helper()
	resp, err := s.client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	img, err := png.Decode(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return img
}
