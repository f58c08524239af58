package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/tracker"
)

func TestAKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	made := u.want(201, "POST", "/projects", map[string]any{"name": "shop"})
	key := made.text("apiKey")
	if !strings.HasPrefix(key, "bsk_pub_") || len(key) != 73 {
		t.Errorf("key %q", key)
	}
	for _, a := range []answer{u.want(200, "GET", "/projects", nil), u.want(200, "GET", "/projects/"+made.text("id"), nil)} {
		if strings.Contains(string(a.raw), key) || !strings.Contains(string(a.raw), key[:12]+"...") {
			t.Errorf("a later answer says %s", a.raw)
		}
	}
	fresh := u.want(200, "POST", "/projects/"+made.text("id")+"/rotate-key", nil).text("apiKey")
	s.nobody(t, "X-API-Key", fresh).want(200, "GET", "/projects/widget-config", nil)
	s.nobody(t, "X-API-Key", key).want(401, "GET", "/projects/widget-config", nil) // at once
}

func TestAStrangerSeesNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	id, widget := u.project("shop", "")
	report := widget.want(201, "POST", "/reports", bug()).text("id")
	eve := s.account(t, "eve@example.org", nil)
	if list := eve.want(200, "GET", "/projects", nil).list; len(list) != 0 {
		t.Errorf("a stranger's projects: %v", list)
	}
	if a := eve.want(200, "GET", "/reports?project_id="+id, nil); a.object["total"] != 0.0 {
		t.Errorf("a stranger's reports: %s", a.raw)
	}
	for _, try := range []struct{ method, path string }{
		{"GET", "/projects/" + id}, {"PATCH", "/projects/" + id}, {"DELETE", "/projects/" + id}, {"POST", "/projects/" + id + "/rotate-key"},
		{"GET", "/reports/" + report}, {"PATCH", "/reports/" + report}, {"DELETE", "/reports/" + report},
	} {
		if a := eve.do(try.method, try.path, map[string]any{"name": "mine", "status": "closed"}); a.status != 403 && a.status != 404 {
			t.Errorf("%s %s: %d %s", try.method, try.path, a.status, a.raw)
		}
		s.nobody(t).want(401, try.method, try.path, nil)
	}
	boss := s.account(t, "root@example.org", func(a *tracker.Account) { a.IsSuperadmin = true })
	boss.want(200, "GET", "/reports/"+report, nil)
}

func TestProjectsChange(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	id, widget := u.project("shop", "")
	for _, bad := range []map[string]any{{"name": ""}, {"name": strings.Repeat("x", 256)}, {"name": 7}, {"domain": strings.Repeat("x", 1025)}, {"settings": []int{1}}, {"settings": map[string]any{"a": strings.Repeat("x", 11<<10)}}} {
		if a := u.want(422, "PATCH", "/projects/"+id, bad); a.object["errors"] == nil {
			t.Errorf("no list of problems: %s", a.raw)
		}
	}
	u.want(200, "PATCH", "/projects/"+id, map[string]any{"settings": map[string]any{"widgetColor": "#112233", "modalTitle": "Tell us", "mine": 1}})
	s.ahead.Store(int64(2 * time.Second)) // what a key was known for is forgotten
	c := widget.want(200, "GET", "/projects/widget-config", nil)
	if c.text("primaryColor") != "#112233" || c.text("modalTitle") != "Tell us" || c.object["buttonText"] != nil || c.text("ownerPlan") != "enterprise" {
		t.Errorf("config %s", c.raw)
	}
	if kept := u.want(200, "GET", "/projects/"+id, nil).object["settings"].(map[string]any); kept["mine"] != 1.0 {
		t.Errorf("an unknown setting was lost: %v", kept)
	}
	widget.header["If-None-Match"] = c.header.Get("ETag")
	widget.want(304, "GET", "/projects/widget-config", nil)
	delete(widget.header, "If-None-Match")
	u.want(204, "DELETE", "/projects/"+id, nil)
	widget.want(401, "POST", "/reports", bug())
}
