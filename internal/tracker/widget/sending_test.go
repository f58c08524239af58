package widget_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
)

// answer makes the server answer requests itself, until f is nil.
func (s *stack) answer(f func(w http.ResponseWriter, r *http.Request) bool) {
	if f == nil {
		s.before.Store(nil)
		return
	}
	s.before.Store(&f)
}

// away is a server that cannot be reached: the connection breaks without an answer.
func away(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	panic(http.ErrAbortHandler)
}

func (v *visitor) report(title string) {
	v.s.t.Helper()
	v.openForm()
	v.write("title", title)
	v.in("Send report")
}

// TestAReportThatCannotBeSentArrivesOnce closes the browser while the server is away: for a
// minute with BUGSPARK_SOAK, in which the widget tries again.
func TestAReportThatCannotBeSentArrivesOnce(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	profile := t.TempDir()
	v := s.visit(browser.Options{Profile: profile, Allow: []string{"net::", "Failed to load"}})
	v.openForm()
	v.write("title", "Sent without a network")
	v.in("Take a picture of this page")
	v.Wait(`!!window.find('canvas.preview')`)
	s.answer(away)
	v.in("Send report")
	v.shows("Your report is kept in this browser")
	v.Shot("widget-kept")
	if got := v.Eval(`localStorage.getItem('bugspark:queue')`); got != "1" {
		t.Errorf("the queue's mark is %s", got)
	}
	if os.Getenv("BUGSPARK_SOAK") != "" {
		time.Sleep(time.Minute)
	}
	v.Close()
	s.answer(nil)

	again := s.visit(browser.Options{Profile: profile})
	r := s.arrive(1)[0]
	if r.Title != "Sent without a network" || r.ScreenshotKey == nil {
		t.Errorf("it arrived as %+v", r)
	}
	again.Wait(`localStorage.getItem('bugspark:queue') === null`)
	again.Open("/")
	again.Wait(`!!window.find('.start')`)
	time.Sleep(500 * time.Millisecond)
	s.arrive(1)
}

// TestAnAnswerThatIsLostMakesNoSecondReport: the server stores the report, and the
// visitor's browser does not hear of it, three times and then on the next visit.
func TestAnAnswerThatIsLostMakesNoSecondReport(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	s.lose.Store(true)
	v := s.visit(browser.Options{Allow: []string{"net::", "Failed to load"}})
	v.report("Heard once")
	v.shows("Your report is kept in this browser")
	if n := s.requests.Load(); n < 3 {
		t.Errorf("the report was sent %d times, want 3 or more", n)
	}
	s.lose.Store(false)
	v.Open("/")
	v.Wait(`localStorage.getItem('bugspark:queue') === null`)
	s.arrive(1)
}

// TestWordsAreNotLost: closing, reloading and a crash of the tab keep what was written.
func TestWordsAreNotLost(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1><button id="other">Other</button>` + s.script(""))
	v := s.visit(browser.Options{})
	v.openForm()
	v.write("title", "Half a sent")
	v.write("description", "More of it")
	v.Script(`window.find('input[value=critical]').click()`)
	v.Keys("\x1b") // Escape
	v.shows("Close without sending?")
	v.Shot("widget-ask")
	v.in("Keep writing")
	v.Keys("\x1b")
	v.in("Close")
	v.Wait(`!window.find('dialog')`)
	check := func(when string) {
		t.Helper()
		v.openForm()
		if got := v.Eval(`window.find('#bs-title').value + '|' + window.find('#bs-description').value + '|' + window.find('input[value=critical]').checked`); got != "Half a sent|More of it|true" {
			t.Errorf("after %s the form has %q", when, got)
		}
	}
	check("closing")
	v.Open("/")
	check("reloading")
	v.in("Cancel")
	v.in("Discard")
	v.Wait(`!window.find('dialog')`)
	v.openForm()
	if got := v.Eval(`window.find('#bs-title').value`); got != "" {
		t.Errorf("after discarding the form has %q", got)
	}
}

// TestFaultsAreToldInWords: nobody sees a status or JSON, and what was written stays.
func TestFaultsAreToldInWords(t *testing.T) {
	status := func(code int, body string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost || r.URL.Path != "/api/v1/reports" {
				return false
			}
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.WriteHeader(code)
			fmt.Fprint(w, body)
			return true
		}
	}
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	for _, c := range []struct {
		code int
		body string
		says string
	}{
		{401, `{"detail":"unknown key"}`, "is not set up correctly"},
		{403, `{}`, "is not set up correctly"},
		{400, `{"detail":"x","code":"origin.not_allowed"}`, "does not accept reports from this site"},
		{400, `{"detail":"x"}`, "did not accept this report"},
		{401, `{"code":"project.inactive"}`, "has switched reports off"},
		{413, `<html>`, "is larger than the server accepts"},
		{422, `[]`, "did not accept this report"},
	} {
		v := s.visit(browser.Options{Allow: []string{"Failed to load", fmt.Sprint(c.code)}})
		s.answer(status(c.code, c.body))
		v.report(fmt.Sprintf("Refused with %d", c.code))
		v.shows(c.says)
		if c.code == 401 {
			v.Shot("widget-refused")
		}
		shown := v.Eval(`window.roots[0].querySelector('.bs').innerText`)
		if strings.Contains(shown, fmt.Sprint(c.code)+"\"") || strings.Contains(shown, "{") || strings.Contains(shown, "detail") {
			t.Errorf("%d is shown as %s", c.code, shown)
		}
		if got := v.Eval(`window.find('#bs-title').value`); got != fmt.Sprintf("Refused with %d", c.code) {
			t.Errorf("after %d the title is %q", c.code, got)
		}
		s.answer(nil)
		v.in("Send report")
		v.shows("Your report has arrived")
		v.Close()
	}
	s.arrive(7)
}

// TestAHostileServerBreaksNoPage: whatever is answered, words are shown and the page lives.
func TestAHostileServerBreaksNoPage(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	for _, body := range []string{`null`, `[]`, `{"trackingId":{"a":1}}`, `{"trackingId":"` + strings.Repeat("x", 1<<20) + `"}`, `<script>alert(1)</script>`, ``} {
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/api/") || r.Method == http.MethodOptions {
				return false
			}
			w.Header().Set("Access-Control-Allow-Origin", "*")
			fmt.Fprint(w, body)
			return true
		})
		v := s.visit(browser.Options{})
		v.report("Answered oddly")
		// Nobody has a report that got no number.
		v.shows(map[bool]string{true: "Thank you. Your report has arrived.", false: "Your report is kept in this browser"}[strings.HasPrefix(body, `{"trackingId":"`)])
		if shown := v.Eval(`window.roots[0].querySelector('.bs').innerText.length`); len(shown) > 3 {
			t.Errorf("%.40s is shown with %s characters", body, shown)
		}
		v.Close()
	}
}

// TestTheServerAsksToWait: 503 with Retry-After is followed, and then the report is there.
func TestTheServerAsksToWait(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	v := s.visit(browser.Options{Allow: []string{"503", "Failed to load"}})
	times := 0
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		times++
		if times > 2 {
			return false
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	v.report("Patient")
	v.shows("Your report has arrived")
	s.arrive(1)
}
