package widget_test

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
)

// planted are places of a page and what stands there; %s is the secret. Two sets of
// secrets of different length must give the same picture, and none may be sent or stored.
type secretSet struct{ word, digits, token, mail, iban string }

func secretSets() [2]secretSet {
	return [2]secretSet{
		{"Rosebud", "4111 1111 1111 1111", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ada@example.com", "DE89370400440532013000"},
		{"Xanadu-on-the-hill", "378282246310005", "sk_live_4eC39HqLyjWDarjtT1zdp7dcZZZZ0001112", "charles.babbage@analytical.example.org", "GB29NWBK60161331926819"},
	}
}

func (s secretSet) all() []string {
	return []string{s.word, s.digits, strings.ReplaceAll(s.digits, " ", ""), s.token, s.mail, s.iban}
}

// page plants the set in sixty places.
func (s secretSet) page() string {
	var b strings.Builder
	b.WriteString(`<h1>Accounts</h1><div>`)
	// Fields: fourteen.
	for _, kind := range []string{"text", "password", "email", "search", "tel", "url", "number", "hidden"} {
		value := s.word
		if kind == "number" {
			value = "4111111111111111"
		}
		fmt.Fprintf(&b, `<input type="%s" value="%s" title="%s" class="w">`, kind, value, s.word)
	}
	fmt.Fprintf(&b, `<textarea class="w">%s</textarea><select class="w"><option>%s</option></select><div contenteditable class="w">%s</div><input class="w" placeholder="%s">`, s.word, s.word, s.word, s.mail)
	fmt.Fprintf(&b, `<input class="w" data-bugspark-unmask value="%s"><input class="w" data-bugspark-unmask autocomplete="cc-number" value="%s">`, s.digits, s.word)
	// Texts: eighteen.
	for _, text := range []string{s.digits, s.token, s.mail, s.iban, "password: " + s.word, "Bearer " + s.token} {
		fmt.Fprintf(&b, `<p class="line">%s</p><p class="line"><b>%s</b></p>`, text, text)
	}
	half := len(s.token) / 2
	fmt.Fprintf(&b, `<p class="line"><span>%s</span><i>%s</i></p>`, s.token[:half], s.token[half:])
	fmt.Fprintf(&b, `<p class="line" data-bugspark-mask>%s</p><div class="line" data-bugspark-mask><em>%s</em></div><div class="line" data-bugspark-block>%s</div>`, s.word, s.word, s.word)
	fmt.Fprintf(&b, `<div class="line secret">%s</div><div class="line private">%s</div>`, s.word, s.word)
	// Attributes: eight.
	fmt.Fprintf(&b, `<p class="line" id="%[1]s" title="%[1]s" data-x="%[1]s" aria-label="%[1]s"><a href="/reset/%[2]s?token=%[1]s#%[3]s">link</a><img alt="%[3]s" width="40" height="20" src="/missing/%[2]s"></p>`, s.word, s.token, s.mail)
	// Clicked: their path is recorded.
	fmt.Fprintf(&b, `<button id="%s" class="%s">Press</button><button id="go">Go</button></div>`, s.mail, s.token)
	return b.String()
}

// script logs, calls and navigates with secrets: another twenty.
func (s secretSet) script() string {
	return fmt.Sprintf(`document.getElementById('go').addEventListener('click', () => {
		const [word, digits, token, mail, iban] = [%q, %q, %q, %q, %q]
		console.log('card', digits); console.info({ password: word, nested: { apiKey: word, list: [{ session_id: word }] } })
		console.warn('token=' + word); console.error(new Error('for ' + mail)); console.debug('%%s paid %%d', iban, 5)
		console.log('https://x.example/?access_token=' + word); console.log(new Map([['password', word]])); console.log(['Bearer ' + token])
		fetch('/missing/' + token + '?password=' + word + '&q=' + encodeURIComponent(digits)).catch(() => {})
		fetch('/missing;jsessionid=' + word + '?x=1').catch(() => {})
		const x = new XMLHttpRequest(); x.open('GET', '/missing?mail=' + mail + '&secret=' + word); x.setRequestHeader('Authorization', 'Bearer ' + word); x.send()
		fetch('/echo?header=1', { headers: { 'X-Api-Key': word } }).catch(() => {})
		history.replaceState(null, '', '/?user=' + mail + '&token=' + word + '#access_token=' + word)
		setTimeout(() => { throw new TypeError('cannot pay from ' + iban) })
		Promise.reject(new Error('no ' + token))
		document.getElementById(mail).click()
	})`, s.word, s.digits, s.token, s.mail, s.iban)
}

const secretCSS = `body{font:16px sans-serif;margin:12px}.w{display:inline-block;width:150px;height:22px;overflow:hidden;white-space:nowrap;box-sizing:border-box;vertical-align:top}` +
	`.line{display:block;height:20px;margin:1px;overflow:hidden;white-space:nowrap;width:600px}.line img{display:inline-block;width:40px;height:20px;overflow:hidden;vertical-align:top}`

// TestNoSecretLeavesThePage plants secrets in sixty places of a page and looks for them in
// every byte that is sent, in the pictures and in what the browser stores.
func TestNoSecretLeavesThePage(t *testing.T) {
	s := newStack(t)
	sent := [2]bytes.Buffer{}
	var mu sync.Mutex
	pictures := [2]image.Image{}
	for i, set := range secretSets() {
		s.extra.Store(&map[string]string{"/page.js": set.script(), "/page.css": secretCSS})
		s.body(set.page() + s.script(`data-enable-session-recording="true" data-mask-selectors=".secret" data-block-selectors=".private"`))
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return false
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&sent[i], "%s %s %v\n", r.Method, r.URL, r.Header)
			if !strings.HasSuffix(r.URL.Path, "/screenshot") {
				sent[i].Write(body)
			}
			return false
		})
		v := s.visit(browser.Options{Allow: []string{"404", "for ", "cannot pay", "no ", "Failed to load"}})
		v.Wait(`!!window.find('.start')`)
		v.Script(`document.getElementById('go').click()`)
		v.Wait(`location.hash !== '' && performance.getEntriesByType('resource').filter((e) => /missing|echo/.test(e.name)).length >= 5`)
		time.Sleep(200 * time.Millisecond)
		v.openForm()
		v.write("title", "Secrets everywhere")
		v.in("Take a picture of this page")
		v.Wait(`!!window.find('canvas.preview')`)
		v.Shot(fmt.Sprintf("widget-secrets-%d", i))
		shown := v.Eval(`window.roots[0].querySelector('.bs').innerText`)
		v.in("Send report")
		v.shows("Your report has arrived")
		stored := v.Eval(`JSON.stringify([{ ...localStorage }, { ...sessionStorage }])`)
		// The page wrote its own address; only what the widget sends and keeps counts.
		r := s.arrive(i + 1)[0]
		pictures[i] = s.picture(r.ScreenshotKey)
		mu.Lock()
		for _, secret := range set.all() {
			for where, text := range map[string]string{"sent": sent[i].String(), "shown": shown, "stored": stored,
				"kept": string(r.Evidence.ConsoleLogs) + string(r.Evidence.NetworkLogs) + string(r.Evidence.UserActions) + string(r.Evidence.Metadata)} {
				if at := strings.Index(text, secret); at >= 0 {
					t.Errorf("%q is %s: %q", secret, where, text[max(0, at-80):min(len(text), at+80)])
				}
			}
		}
		if len(members[[]consoleEntry](t, r.Evidence.ConsoleLogs)) < 10 || len(members[[]networkEntry](t, r.Evidence.NetworkLogs)) < 4 || len(members[[]action](t, r.Evidence.UserActions)) < 2 {
			t.Errorf("too little was collected to prove anything: %s %s %s", r.Evidence.ConsoleLogs, r.Evidence.NetworkLogs, r.Evidence.UserActions)
		}
		mu.Unlock()
		v.Close()
	}
	if at, same := samePictures(pictures[0], pictures[1]); !same {
		t.Errorf("the pictures of two sets of secrets differ at %v", at)
	}
}

func samePictures(a, b image.Image) (image.Point, bool) {
	if a.Bounds() != b.Bounds() {
		return image.Point{}, false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return image.Pt(x, y), false
			}
		}
	}
	return image.Point{}, true
}
