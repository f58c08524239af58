package widget_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/tracker"
)

// TestCheckSaysWhetherReportsWouldBeTaken, and makes none.
func TestCheckSaysWhetherReportsWouldBeTaken(t *testing.T) {
	for _, c := range []struct{ key, domain, connect, says string }{
		{"", "", "", ""},
		{"bsk_pub_other=", "", "", "does not know the key bsk_pub_othe"},
		{"", "shop.example", "", "takes no reports from https://127.0.0.1"},
		{"", "", "'self'", "add https://127.0.0.1"},
	} {
		s := newStack(t)
		if _, err := s.store.ChangeProject(t.Context(), s.project.ID, tracker.ProjectChange{Domain: &c.domain}); err != nil {
			t.Fatal(err)
		}
		if c.key != "" {
			s.key = c.key
		}
		if c.connect != "" {
			s.policy = strings.Replace(s.policy, "connect-src 'self' "+s.server.URL, "connect-src "+c.connect, 1)
		}
		s.body(`<h1>Shop</h1>` + s.script(`crossorigin`))
		v := s.visit(browser.Options{Allow: []string{"401", "400", "Failed to load", "Content Security Policy", "policy", "Refused", "violat"}})
		v.Wait(`!!window.find('.start')`)
		v.Script(`BugSpark.check().then((all) => { window.checked = all.join(' ') })`)
		v.Wait(`typeof window.checked === 'string'`)
		got := v.Eval(`window.checked`)
		if server := strings.Contains(got, "https://127.0.0.1") || strings.Contains(got, "key"); server != (c.says != "") || !strings.Contains(got, c.says) {
			t.Errorf("%+v: check says %q", c, got)
		}
		if n := len(s.list()); n != 0 {
			t.Errorf("%+v: check made %d reports", c, n)
		}
		v.Close()
	}
}

// TestADestroyedWidgetSendsNoMore: what it kept waits for the next visit.
func TestADestroyedWidgetSendsNoMore(t *testing.T) {
	s := newStack(t)
	v := s.bare(`const later = setTimeout; window.setTimeout = (f, ms, ...more) => later(f, ms === 15000 ? 700 : ms, ...more)`, "")
	s.answer(away)
	v.report("Kept, then destroyed")
	v.shows("Your report is kept in this browser")
	v.Script(`BugSpark.destroy()`)
	s.answer(nil)
	time.Sleep(1500 * time.Millisecond)
	s.arrive(0)
	v.Open("/")
	v.start("")
	s.arrive(1)
}

// TestWhatBeforeSendMakesOfItIsShown, and sent as it was shown; and what is not recorded
// has no part of its own.
func TestWhatBeforeSendMakesOfItIsShown(t *testing.T) {
	s := newStack(t)
	v := s.bare("", `, metadata: () => ({ secret_plan: 1, mine: 'as collected' }), beforeSend: async (r) => { window.asked = (window.asked ?? 0) + 1
		if (r.title === 'Stop') return null; r.metadata.custom.mine = 'as changed ' + window.asked; return r }`)
	v.openForm()
	v.write("title", "Stop")
	v.in("What will be sent?")
	v.shows("This page has stopped the report.")
	v.in("Back to the form")
	v.write("title", "Go on")
	v.in("What will be sent?")
	v.Wait(`window.roots[0].querySelector('pre.exact').textContent.includes('as changed 2')`)
	if got := v.Eval(`[...window.roots[0].querySelectorAll('.part')].map((e) => e.textContent).join('|')`); strings.Contains(got, "Your last clicks") || strings.Contains(got, "as collected") {
		t.Errorf("shown is %s", got)
	}
	v.in("Back to the form")
	v.in("Send report")
	v.shows("Your report has arrived")
	if got := string(s.arrive(1)[0].Evidence.Metadata); !strings.Contains(got, "as changed 2") {
		t.Errorf("sent was %s", got)
	}
}
