package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

func TestTriage(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	path := "/reports/" + widget.want(201, "POST", "/reports", bug()).text("id")
	me := u.want(200, "GET", "/auth/me", nil).text("id")
	r := u.want(200, "PATCH", path, map[string]any{"status": "in_progress", "severity": "critical", "assigneeId": me, "title": "Cart: NaN"})
	if r.text("status") != "in_progress" || r.text("severity") != "critical" || r.text("assigneeId") != me || r.text("title") != "Cart: NaN" || r.text("category") != "bug" {
		t.Errorf("changed to %s", r.raw)
	}
	if r = u.want(200, "PATCH", path, map[string]any{"assignee_id": nil, "title": nil}); r.object["assigneeId"] != nil || r.text("title") != "Cart: NaN" {
		t.Errorf("null changed it to %s", r.raw)
	}
	u.want(400, "PATCH", path, map[string]any{"assignee_id": "00000000-0000-4000-8000-000000000000"})
	for _, bad := range []map[string]any{{"status": "done"}, {"severity": 3}, {"title": ""}, {"title": strings.Repeat("x", 501)}, {"assignee_id": "me"}, {"category": []string{"bug"}}} {
		u.want(422, "PATCH", path, bad)
	}
	u.want(204, "DELETE", path, nil)
	u.want(404, "GET", path, nil)
	u.want(404, "DELETE", path, nil)
}

func TestLists(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	project, widget := u.project("shop", "")
	severities := []string{"low", "medium", "high", "critical"}
	for i := range 25 {
		widget.want(201, "POST", "/reports", bug("title", fmt.Sprintf("report %02d", i), "severity", severities[i%4]))
	}
	titles := func(query string) (string, answer) {
		a := u.want(200, "GET", "/reports?project_id="+project+query, nil)
		var out []string
		for _, item := range a.object["items"].([]any) {
			title, _ := item.(map[string]any)["title"].(string)
			out = append(out, strings.TrimPrefix(title, "report "))
		}
		return strings.Join(out, " "), a
	}
	for _, tc := range []struct {
		query, want string
		total       float64
	}{
		{"&page_size=3", "24 23 22", 25},
		{"&page_size=3&page=9", "00", 25},
		{"&page_size=3&page=10", "", 25},
		{"&limit=2", "24 23", 25},
		{"&page_size=2&sort_by=createdAt&sort_order=asc", "00 01", 25},
		{"&page_size=2&severity=critical", "23 19", 6},
		{"&page_size=2&severity=critical,low&status=new", "24 23", 13},
		{"&search=report+07", "07", 1},
		{"&search=%25&status=closed", "", 0},
	} {
		got, a := titles(tc.query)
		if got != tc.want || a.object["total"] != tc.total {
			t.Errorf("%s: %q of %v", tc.query, got, a.object["total"])
		}
	}
	// By cursor everything comes once.
	seen, cursor := 0, ""
	for {
		_, a := titles("&page_size=10&cursor=" + cursor)
		seen += len(a.object["items"].([]any))
		if cursor = a.text("nextCursor"); cursor == "" {
			break
		}
	}
	if seen != 25 {
		t.Errorf("%d of 25 reports by cursor", seen)
	}
	for _, bad := range []string{"page=0", "page=x", "page_size=101", "page_size=-1", "severity=huge", "status=new,done", "project_id=x", "cursor=%00x", "page=99999999999999999999"} {
		u.want(422, "GET", "/reports?"+bad, nil)
	}
}

// TestHostileBodies sends what no client would. Each is the sender's fault, and
// is told so in JSON; none is ours.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{ReportBodyKiB: 1024})
	u := s.account(t, "ada@example.org", nil)
	_, widget := u.project("shop", "")
	const start = `{"title":"t","severity":"low","category":"ui"`
	for _, tc := range []struct {
		name, body string
		status     int
	}{
		{"nothing", "", 422},
		{"an array", `[` + start + `}]`, 422},
		{"a text", `"t"`, 422},
		{"cut short", start, 422},
		{"a title that is a number", `{"title":1,"severity":"low","category":"ui"}`, 422},
		{"a title of blanks", `{"title":"  ","severity":"low","category":"ui"}`, 201},
		{"an unknown severity", `{"title":"t","severity":"fatal","category":"ui"}`, 422},
		{"logs that are text", start + `,"console_logs":"x"}`, 422},
		{"metadata that is a list", start + `,"metadata":[]}`, 422},
		{"a description too long", start + `,"description":"` + strings.Repeat("ä", 10_001) + `"}`, 422},
		{"ten thousand levels", start + `,"metadata":{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}}`, 422},
		{"a body above the limit", start + `,"metadata":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`, 413},
		{"NUL everywhere", start + `,"description":"\u0000","console_logs":[{"message":"\u0000"}],"metadata":{"\u0000":"\u0000"}}`, 201},
		{"half a surrogate pair", start + `,"description":"\ud83d","console_logs":[{"message":"\udc00"}]}`, 201},
		{"broken UTF-8", start + ",\"description\":\"\xff\xfe\"}", 201},
		{"the same member twice", start + `,"title":"second"}`, 201},
		{"both spellings", start + `,"console_logs":[],"consoleLogs":"x"}`, 201},
		{"unknown members", start + `,"__proto__":{"admin":true},"id":"1","status":"closed"}`, 201},
		{"a log of hostile entries", start + `,"network_logs":[null,1,"x",[],{"url":{"a":[]}}]}`, 201},
		{"SQL", start + `,"description":"'); DROP TABLE reports; --"}`, 201},
		{"a log larger than its limit", start + `,"console_logs":[` + strings.Repeat(`{"message":"`+strings.Repeat("x", 1000)+`"},`, 700) + `{"message":"newest"}]}`, 201},
	} {
		a := widget.send("POST", "/reports", "application/json", []byte(tc.body))
		if a.status != tc.status {
			t.Errorf("%s: %d %.300s", tc.name, a.status, a.raw)
			continue
		}
		if a.status == 201 {
			r := u.want(200, "GET", "/reports/"+a.text("id"), nil)
			if r.text("status") != "new" || strings.Contains(string(r.raw), `\u0000`) {
				t.Errorf("%s: stored as %.300s", tc.name, r.raw)
			}
			if tc.name == "a log larger than its limit" && (!strings.Contains(string(r.raw), "newest") || len(r.raw) > 600<<10) {
				t.Errorf("%s: %d bytes of it are kept", tc.name, len(r.raw))
			}
		}
	}
}

func TestAddressesAreJudgedAsJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	for path, status := range map[string]int{
		"/reports/": 200, "//reports": 200, "/reports/1": 422, "/reports/..%2f..": 404, "/nothing": 404, "/reports/x/y/z": 404, "/reports/%00": 422,
		"/reports/00000000-0000-4000-8000-000000000000": 404, "/reports/{00000000-0000-4000-8000-000000000000}": 422,
	} {
		a := u.want(status, "GET", path, nil)
		if len(a.header.Get("X-Request-Id")) != 36 || a.header.Get("X-Frame-Options") != "DENY" || a.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: headers %v", path, a.header)
		}
	}
	if a := u.want(405, "DELETE", "/projects", nil); !strings.Contains(a.header.Get("Allow"), "GET") {
		t.Errorf("allowed: %v", a.header)
	}
	u.header["X-Request-Id"] = "evil\tid"
	if a := u.want(200, "GET", "/projects", nil); a.header.Get("X-Request-Id") == "evil\tid" {
		t.Error("a hostile request id is passed on")
	}
	if a := s.nobody(t).send("GET", s.URL+"/health", "", nil); a.status != 200 {
		t.Errorf("health %d %s", a.status, a.raw)
	}
}
