package tracker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker"
)

type validator interface{ Validate() error }

func ptr[T any](v T) *T { return &v }

// wide is a character of two bytes: limits count characters.
const wide = "ä"

const (
	empty   = "must not be empty"
	notText = "must be valid UTF-8 text without NUL characters"
)

// texts judges a field by the rules that every text obeys.
func texts(t *testing.T, field string, low, high int, with func(string) validator) {
	t.Helper()
	limits := fmt.Sprintf("must have %d to %d characters", low, high)
	nothing, spaces := "", ""
	if low == 1 {
		nothing, spaces = empty, empty
	}
	for _, tc := range []struct{ rule, text, want string }{
		{"the longest is allowed", strings.Repeat(wide, high), ""},
		{"one character more is not", strings.Repeat(wide, high+1), limits},
		{"nothing", "", nothing},
		{"spaces alone", " \t\n\u00a0", spaces},
		{"NUL", "a\x00b", notText},
		{"NUL alone", "\x00", notText},
		{"invalid UTF-8", "a\xff", notText},
		{"half a surrogate pair", "\xed\xa0\xbd", notText},
		{"markup, newlines and quotes are text", "<b>'\";--\r\n", ""},
	} {
		want := ""
		if tc.want != "" {
			want = field + ": " + tc.want
		}
		if got := sentence(with(tc.text).Validate()); got != want {
			t.Errorf("%s: %s: got %q, want %q", field, tc.rule, got, want)
		}
	}
}

func sentence(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func newReport(change func(*tracker.NewReport)) validator {
	r := tracker.NewReport{Title: "t", Severity: tracker.SeverityLow, Category: tracker.CategoryUI}
	change(&r)
	return r
}

func TestTexts(t *testing.T) {
	t.Parallel()
	texts(t, "title", 1, 500, func(s string) validator { return newReport(func(r *tracker.NewReport) { r.Title = s }) })
	texts(t, "description", 0, 10_000, func(s string) validator { return newReport(func(r *tracker.NewReport) { r.Description = s }) })
	texts(t, "reporter_identifier", 0, 255, func(s string) validator { return newReport(func(r *tracker.NewReport) { r.ReporterIdentifier = &s }) })
	texts(t, "screenshot_url", 0, 1000, func(s string) validator { return newReport(func(r *tracker.NewReport) { r.ScreenshotKey = &s }) })
	texts(t, "annotated_screenshot_url", 0, 1000, func(s string) validator {
		return newReport(func(r *tracker.NewReport) { r.AnnotatedScreenshotKey = &s })
	})
	texts(t, "title", 1, 500, func(s string) validator { return tracker.ReportChange{Title: &s} })
	texts(t, "description", 0, 10_000, func(s string) validator { return tracker.ReportChange{Description: &s} })
	texts(t, "name", 1, 255, func(s string) validator { return tracker.NewProject{Name: s} })
	texts(t, "domain", 0, 1024, func(s string) validator { return tracker.NewProject{Name: "n", Domain: s} })
	texts(t, "name", 1, 255, func(s string) validator { return tracker.ProjectChange{Name: &s} })
	texts(t, "domain", 0, 1024, func(s string) validator { return tracker.ProjectChange{Domain: &s} })
	texts(t, "name", 1, 255, func(s string) validator { return tracker.Account{Email: "a@b", Name: s} })
	texts(t, "name", 1, 255, func(s string) validator { return tracker.ProfileChange{Name: &s} })
	texts(t, "name", 1, 255, func(s string) validator { return tracker.AccessToken{Name: s} })
}

func TestOtherRules(t *testing.T) {
	t.Parallel()
	const (
		severities = "severity: must be one of low, medium, high, critical"
		categories = "category: must be one of bug, ui, performance, crash, other"
		statuses   = "status: must be one of new, triaging, in_progress, resolved, closed"
	)
	settings := func(s string) validator { return tracker.ProjectChange{Settings: json.RawMessage(s)} }
	preferences := func(n int) validator {
		m := map[string]bool{}
		for i := range n {
			m[fmt.Sprint(i)] = true
		}
		return tracker.ProfileChange{NotificationPreferences: m}
	}
	for _, tc := range []struct {
		rule  string
		input validator
		want  string
	}{
		{"a change of nothing", tracker.ReportChange{}, ""},
		{"a change of nothing", tracker.ProjectChange{}, ""},
		{"a change of nothing", tracker.ProfileChange{}, ""},
		{"severity is required", newReport(func(r *tracker.NewReport) { r.Severity = "" }), severities},
		{"severity is lower-case", newReport(func(r *tracker.NewReport) { r.Severity = "LOW" }), severities},
		{"category is required", newReport(func(r *tracker.NewReport) { r.Category = "" }), categories},
		{"category is one word", newReport(func(r *tracker.NewReport) { r.Category = "ui " }), categories},
		{"a changed severity", tracker.ReportChange{Severity: ptr(tracker.Severity("fatal"))}, severities},
		{"a changed category", tracker.ReportChange{Category: ptr(tracker.Category(""))}, categories},
		{"a changed status", tracker.ReportChange{Status: ptr(tracker.Status("open"))}, statuses},
		{"any status may follow any", tracker.ReportChange{Status: ptr(tracker.StatusNew)}, ""},
		{"settings are an object", settings(`{"a":[1]}`), ""},
		{"settings are no array", settings(`[]`), "settings: must be an object"},
		{"settings are no text", settings(`"{}"`), "settings: must be an object"},
		{"settings are not null", settings(`null`), "settings: must be an object"},
		{"settings are JSON", settings(`{"a":`), "settings: must be an object"},
		{"settings are there", settings(``), "settings: must be an object"},
		{"the largest settings", settings(`{"a":"` + strings.Repeat("x", 10<<10-8) + `"}`), ""},
		{"settings a byte larger", settings(`{"a":"` + strings.Repeat("x", 10<<10-7) + `"}`), "settings: must have at most 10 KiB"},
		{"twenty preferences", preferences(20), ""},
		{"one more", preferences(21), "notification_preferences: must be an object of true and false"},
	} {
		if got := sentence(tc.input.Validate()); got != tc.want {
			t.Errorf("%s: %#v: got %q, want %q", tc.rule, tc.input, got, tc.want)
		}
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a@b", "ada@example.org", "o'brien+bugs@münchen.example", `"x"@y`, strings.Repeat("a", 253) + "@b"} {
		if err := (tracker.Account{Email: good, Name: "n"}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", " ", "a", "ab", "abc", "@b", "a@", "@@", "a b@c", "a@b c", "a@b\nc", "a@b\r", "\ta@b", "Ops <a@b>", "a@b,c@d", "a@b;", "a@\x00", "a@\xff",
		strings.Repeat("a", 254) + "@b",
	} {
		err := tracker.Account{Email: bad, Name: "n"}.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "email: ") || tracker.CodeOf(err) != tracker.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAllProblemsAreToldInOrder(t *testing.T) {
	t.Parallel()
	err := tracker.NewReport{Description: strings.Repeat("x", 10_001)}.Validate()
	var found tracker.FieldErrors
	if !errors.As(err, &found) {
		t.Fatal(err)
	}
	var fields []string
	for _, e := range found {
		fields = append(fields, e.Field)
	}
	if got := strings.Join(fields, " "); got != "title description severity category" || tracker.CodeOf(err) != tracker.Invalid {
		t.Errorf("%s: %v", got, err)
	}
}

func TestCleanTextIsStorable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a\x00b": "ab", "a\xffb": "a\uFFFDb", "\x00": "", "a\r\nb": "a\r\nb", "ä😀": "ä😀"} {
		got := tracker.CleanText(in)
		if got != want {
			t.Errorf("%q: %q", in, got)
		}
		if err := tracker.CheckText("x", got, 0, 10); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
}
