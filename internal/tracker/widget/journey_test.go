package widget_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/browser"
)

type consoleEntry struct {
	Level, Message, Stack string
	Timestamp             int64
}

type networkEntry struct {
	Method, URL     string
	Status          int
	ResponseHeaders map[string]string
}

type action struct {
	Type, Target string
	Data         map[string]any
}

// TestAVisitorReportsABug is the main job of the product, on a page of another site with
// the strictest policy: the browser harness fails on any violation and on any request to
// a third host.
func TestAVisitorReportsABug(t *testing.T) {
	s := newStack(t)
	s.body(`<h1>Transfer</h1><p id="secret">Your card is 4111 1111 1111 1111.</p><button id="log">Log</button><button id="throw">Throw</button>` +
		`<button id="fetch">Fetch</button><input value="typed"><div data-bugspark-block>blocked</div>` + s.script(`data-enable-session-recording="true"`))
	v := s.visit(browser.Options{Allow: []string{"no account", "404"}})
	v.Wait(`!!window.find('.start')`)
	v.Shot("widget-button")
	for _, id := range []string{"log", "throw", "fetch"} {
		v.Script(`document.getElementById('` + id + `').click()`)
	}
	v.openForm()
	v.Shot("widget-form")
	v.write("title", "The Pay button does nothing")
	v.write("description", "I pressed it twice.")
	v.in("Take a picture of this page")
	v.Wait(`!!window.find('canvas.preview')`)
	v.shows("Private parts are covered.")
	v.Shot("widget-form-picture")
	v.in("Draw on it")
	v.Wait(`!!window.find('[class^=bsa-]')`)
	v.Shot("widget-annotator")
	v.in("Done")
	v.Wait(`!window.find('[class^=bsa-]')`)
	if got := v.Eval(`window.find('#bs-title').value + '|' + window.find('#bs-description').value`); got != "The Pay button does nothing|I pressed it twice." {
		t.Errorf("after capturing and annotating the form has %q", got)
	}
	v.Script(`window.find('input[value=high]').click()`)
	v.write("email", "ada@example.com")
	v.in("What will be sent?")
	v.Shot("widget-preview")
	preview := v.Eval(`window.roots[0].querySelector('pre.exact').textContent`)
	v.in("Back to the form")
	v.in("Send report")
	v.shows("Thank you. Your report has arrived.")
	v.shows("Its number is BUG-0001.")
	v.Shot("widget-sent")

	r := v.arrives(1)[0]
	if r.Title != "The Pay button does nothing" || r.Description != "I pressed it twice." || r.Severity != "high" || r.Category != "bug" || *r.ReporterIdentifier != "ada@example.com" {
		t.Errorf("the report is %+v", r)
	}
	lines := members[[]consoleEntry](t, r.Evidence.ConsoleLogs)
	var all []string
	for _, l := range lines {
		all = append(all, l.Level+" "+l.Message)
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{`info paying {"amount":12,"password":"[hidden]"}`, "warn slow answer", "error [Uncaught] Uncaught TypeError: no account"} {
		if !strings.Contains(text, want) {
			t.Errorf("the console has no %q:\n%s", want, text)
		}
	}
	calls := members[[]networkEntry](t, r.Evidence.NetworkLogs)
	if len(calls) != 1 || calls[0].Method != "GET" || calls[0].Status != 404 || calls[0].URL != s.page.URL+"/missing?token=[hidden]&page=2" {
		t.Errorf("the network log is %+v", calls)
	}
	actions := members[[]action](t, r.Evidence.UserActions)
	if len(actions) != 3 || actions[0].Type != "click" || actions[0].Target != "button#log" {
		t.Errorf("the actions are %+v", actions)
	}
	meta := members[map[string]any](t, r.Evidence.Metadata)
	if meta["url"] != s.page.URL+"/" || meta["userAgent"] == "" || meta["performance"] == nil {
		t.Errorf("the metadata is %v", meta)
	}
	plain := s.picture(r.ScreenshotKey)
	if b := plain.Bounds(); b.Dx() != 1360 || b.Dy() < 500 {
		t.Errorf("the picture is %v", b)
	}
	if !strings.Contains(preview, `"title":"The Pay button does nothing"`) || strings.Contains(preview, "4111") || strings.Contains(preview, "hunter2") {
		t.Errorf("the preview has %s", preview)
	}
}
