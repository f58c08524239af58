package httpapi_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// Clients print what they are answered, so a rule may move in the code and not
// on the wire. {{x*3}} stands for xxx.
func TestInvalidInputIsAnsweredToTheLetter(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{})
	u := s.account(t, "ada@example.org", nil)
	project, widget := u.project("shop", "")
	report := widget.want(201, "POST", "/reports", bug()).text("id")
	repeat := regexp.MustCompile(`\{\{(.)\*(\d+)\}\}`)
	for _, tc := range []struct{ method, path, body, want string }{
		{"POST", `/reports`, ``, `{"detail":"title: is required; severity: is required; category: is required","errors":[{"field":"title","message":"is required"},{"field":"severity","message":"is required"},{"field":"category","message":"is required"}]}`},
		{"POST", `/reports`, `[]`, `{"detail":"body: must be a JSON object"}`},
		{"POST", `/reports`, `{}`, `{"detail":"title: is required; severity: is required; category: is required","errors":[{"field":"title","message":"is required"},{"field":"severity","message":"is required"},{"field":"category","message":"is required"}]}`},
		{"POST", `/reports`, `{"title":null,"severity":null,"category":null}`, `{"detail":"title: is required; severity: is required; category: is required","errors":[{"field":"title","message":"is required"},{"field":"severity","message":"is required"},{"field":"category","message":"is required"}]}`},
		{"POST", `/reports`, `{"title":"{{ä*501}}","severity":"low","category":"ui"}`, `{"detail":"title: must have 1 to 500 characters","errors":[{"field":"title","message":"must have 1 to 500 characters"}]}`},
		{"POST", `/reports`, `{"title":7,"description":[],"severity":1,"category":{},"reporter_identifier":true,"screenshot_url":0,"annotated_screenshot_url":[],"console_logs":1,"network_logs":"x","user_actions":true,"metadata":[],"hp_field":{}}`, `{"detail":"title: must be text; description: must be text; severity: must be text; category: must be text; reporter_identifier: must be text; screenshot_url: must be text; annotated_screenshot_url: must be text; console_logs: must be an array or an object; network_logs: must be an array or an object; user_actions: must be an array or an object; metadata: must be an object; hp_field: must be text","errors":[{"field":"title","message":"must be text"},{"field":"description","message":"must be text"},{"field":"severity","message":"must be text"},{"field":"category","message":"must be text"},{"field":"reporter_identifier","message":"must be text"},{"field":"screenshot_url","message":"must be text"},{"field":"annotated_screenshot_url","message":"must be text"},{"field":"console_logs","message":"must be an array or an object"},{"field":"network_logs","message":"must be an array or an object"},{"field":"user_actions","message":"must be an array or an object"},{"field":"metadata","message":"must be an object"},{"field":"hp_field","message":"must be text"}]}`},
		{"POST", `/reports`, `{"title":"t","description":"{{ä*10001}}","severity":"fatal","category":"","reporterIdentifier":"{{x*256}}","screenshotUrl":"{{k*1001}}","annotatedScreenshotUrl":"{{k*1001}}","hpField":"{{h*501}}"}`, `{"detail":"description: must have 0 to 10000 characters; severity: must be one of low, medium, high, critical; category: must be one of bug, ui, performance, crash, other; reporter_identifier: must have 0 to 255 characters; screenshot_url: must have 0 to 1000 characters; annotated_screenshot_url: must have 0 to 1000 characters; hp_field: must have 0 to 500 characters","errors":[{"field":"description","message":"must have 0 to 10000 characters"},{"field":"severity","message":"must be one of low, medium, high, critical"},{"field":"category","message":"must be one of bug, ui, performance, crash, other"},{"field":"reporter_identifier","message":"must have 0 to 255 characters"},{"field":"screenshot_url","message":"must have 0 to 1000 characters"},{"field":"annotated_screenshot_url","message":"must have 0 to 1000 characters"},{"field":"hp_field","message":"must have 0 to 500 characters"}]}`},
		{"POST", `/reports`, `{"title":"t","severity":"{{s*101}}","category":"{{c*101}}"}`, `{"detail":"severity: must have 0 to 100 characters; severity: must be one of low, medium, high, critical; category: must have 0 to 100 characters; category: must be one of bug, ui, performance, crash, other","errors":[{"field":"severity","message":"must have 0 to 100 characters"},{"field":"severity","message":"must be one of low, medium, high, critical"},{"field":"category","message":"must have 0 to 100 characters"},{"field":"category","message":"must be one of bug, ui, performance, crash, other"}]}`},
		{"POST", `/reports`, `{"title":"t","severity":"LOW","category":" ui"}`, `{"detail":"severity: must be one of low, medium, high, critical; category: must be one of bug, ui, performance, crash, other","errors":[{"field":"severity","message":"must be one of low, medium, high, critical"},{"field":"category","message":"must be one of bug, ui, performance, crash, other"}]}`},
		{"PATCH", `/reports/{report}`, `{"title":"","description":"{{x*10001}}","severity":"","category":"x","status":"done","assignee_id":"me"}`, `{"detail":"title: must not be empty; description: must have 0 to 10000 characters; severity: must be one of low, medium, high, critical; category: must be one of bug, ui, performance, crash, other; status: must be one of new, triaging, in_progress, resolved, closed; assignee_id: must be a UUID or null","errors":[{"field":"title","message":"must not be empty"},{"field":"description","message":"must have 0 to 10000 characters"},{"field":"severity","message":"must be one of low, medium, high, critical"},{"field":"category","message":"must be one of bug, ui, performance, crash, other"},{"field":"status","message":"must be one of new, triaging, in_progress, resolved, closed"},{"field":"assignee_id","message":"must be a UUID or null"}]}`},
		{"PATCH", `/reports/{report}`, `{"title":"{{x*501}}","description":1,"severity":1,"category":1,"status":1,"assigneeId":1}`, `{"detail":"title: must have 1 to 500 characters; description: must be text; severity: must be text; category: must be text; status: must be text; assignee_id: must be a UUID or null","errors":[{"field":"title","message":"must have 1 to 500 characters"},{"field":"description","message":"must be text"},{"field":"severity","message":"must be text"},{"field":"category","message":"must be text"},{"field":"status","message":"must be text"},{"field":"assignee_id","message":"must be a UUID or null"}]}`},
		{"PATCH", `/reports/{report}`, `{"status":"{{s*101}}"}`, `{"detail":"status: must have 0 to 100 characters; status: must be one of new, triaging, in_progress, resolved, closed","errors":[{"field":"status","message":"must have 0 to 100 characters"},{"field":"status","message":"must be one of new, triaging, in_progress, resolved, closed"}]}`},
		{"POST", `/projects`, `{}`, `{"detail":"name: is required","errors":[{"field":"name","message":"is required"}]}`},
		{"POST", `/projects`, `{"name":" ","domain":"{{x*1025}}"}`, `{"detail":"name: must not be empty; domain: must have 0 to 1024 characters","errors":[{"field":"name","message":"must not be empty"},{"field":"domain","message":"must have 0 to 1024 characters"}]}`},
		{"POST", `/projects`, `{"name":"{{ä*256}}","domain":1}`, `{"detail":"name: must have 1 to 255 characters; domain: must be text","errors":[{"field":"name","message":"must have 1 to 255 characters"},{"field":"domain","message":"must be text"}]}`},
		{"POST", `/projects`, `{"name":1}`, `{"detail":"name: must be text","errors":[{"field":"name","message":"must be text"}]}`},
		{"PATCH", `/projects/{project}`, `{"name":"","domain":"{{x*1025}}","is_active":1,"settings":[]}`, `{"detail":"name: must not be empty; domain: must have 0 to 1024 characters; is_active: must be true or false; settings: must be an object","errors":[{"field":"name","message":"must not be empty"},{"field":"domain","message":"must have 0 to 1024 characters"},{"field":"is_active","message":"must be true or false"},{"field":"settings","message":"must be an object"}]}`},
		{"PATCH", `/projects/{project}`, `{"settings":{"a":"{{x*10240}}"},"isActive":"yes","name":"{{x*256}}"}`, `{"detail":"name: must have 1 to 255 characters; is_active: must be true or false; settings: must have at most 10 KiB","errors":[{"field":"name","message":"must have 1 to 255 characters"},{"field":"is_active","message":"must be true or false"},{"field":"settings","message":"must have at most 10 KiB"}]}`},
		{"PATCH", `/projects/{project}`, `{"settings":"{}"}`, `{"detail":"settings: must be an object","errors":[{"field":"settings","message":"must be an object"}]}`},
		{"PATCH", `/auth/me`, `{"name":"","notification_preferences":{"a":1}}`, `{"detail":"name: must not be empty; notification_preferences: must be an object of true and false","errors":[{"field":"name","message":"must not be empty"},{"field":"notification_preferences","message":"must be an object of true and false"}]}`},
		{"PATCH", `/auth/me`, `{"name":"{{x*256}}","notificationPreferences":{"k00":true,"k01":true,"k02":true,"k03":true,"k04":true,"k05":true,"k06":true,"k07":true,"k08":true,"k09":true,"k10":true,"k11":true,"k12":true,"k13":true,"k14":true,"k15":true,"k16":true,"k17":true,"k18":true,"k19":true,"k20":true}}`, `{"detail":"name: must have 1 to 255 characters; notification_preferences: must be an object of true and false","errors":[{"field":"name","message":"must have 1 to 255 characters"},{"field":"notification_preferences","message":"must be an object of true and false"}]}`},
		{"PATCH", `/auth/me`, `{"name":1,"notification_preferences":[]}`, `{"detail":"name: must be text; notification_preferences: must be an object of true and false","errors":[{"field":"name","message":"must be text"},{"field":"notification_preferences","message":"must be an object of true and false"}]}`},
		{"PUT", `/auth/me/password`, `{}`, `{"detail":"current_password: is required; new_password: is required","errors":[{"field":"current_password","message":"is required"},{"field":"new_password","message":"is required"}]}`},
		{"PUT", `/auth/me/password`, `{"current_password":"x","new_password":"short"}`, `{"detail":"new_password: must have at least 8 characters","errors":[{"field":"new_password","message":"must have at least 8 characters"}]}`},
		{"PUT", `/auth/me/password`, `{"current_password":"{{x*1025}}","new_password":"{{x*1025}}"}`, `{"detail":"current_password: must have 1 to 1024 characters; new_password: must have 1 to 1024 characters; new_password: must have at most 128 characters","errors":[{"field":"current_password","message":"must have 1 to 1024 characters"},{"field":"new_password","message":"must have 1 to 1024 characters"},{"field":"new_password","message":"must have at most 128 characters"}]}`},
		{"PUT", `/auth/me/password`, `{"current_password":"a long password","new_password":"a long password"}`, `{"detail":"new_password: must differ from the current one","errors":[{"field":"new_password","message":"must differ from the current one"}]}`},
		{"POST", `/auth/tokens`, `{}`, `{"detail":"name: is required","errors":[{"field":"name","message":"is required"}]}`},
		{"POST", `/auth/tokens`, `{"name":"  ","expires_in_days":0}`, `{"detail":"name: must not be empty; expires_in_days: must be a whole number from 1 to 365","errors":[{"field":"name","message":"must not be empty"},{"field":"expires_in_days","message":"must be a whole number from 1 to 365"}]}`},
		{"POST", `/auth/tokens`, `{"name":"{{x*256}}","expiresInDays":366}`, `{"detail":"name: must have 1 to 255 characters; expires_in_days: must be a whole number from 1 to 365","errors":[{"field":"name","message":"must have 1 to 255 characters"},{"field":"expires_in_days","message":"must be a whole number from 1 to 365"}]}`},
		{"POST", `/auth/tokens`, `{"name":[],"expires_in_days":"1"}`, `{"detail":"name: must be text; expires_in_days: must be a whole number from 1 to 365","errors":[{"field":"name","message":"must be text"},{"field":"expires_in_days","message":"must be a whole number from 1 to 365"}]}`},
		{"POST", `/auth/login`, `{}`, `{"detail":"email: is required; password: is required","errors":[{"field":"email","message":"is required"},{"field":"password","message":"is required"}]}`},
		{"POST", `/auth/login`, `{"email":" ","password":""}`, `{"detail":"email: must not be empty; password: must not be empty","errors":[{"field":"email","message":"must not be empty"},{"field":"password","message":"must not be empty"}]}`},
		{"POST", `/auth/login`, `{"email":"{{x*256}}","password":"{{x*1025}}"}`, `{"detail":"email: must have 1 to 255 characters; password: must have 1 to 1024 characters","errors":[{"field":"email","message":"must have 1 to 255 characters"},{"field":"password","message":"must have 1 to 1024 characters"}]}`},
		{"POST", `/auth/cli/login`, `{"email":1,"password":2}`, `{"detail":"email: must be text; password: must be text","errors":[{"field":"email","message":"must be text"},{"field":"password","message":"must be text"}]}`},
		{"GET", `/reports?project_id=x&status=a&severity=b&page=0&limit=0&page_size=0&date_range=1y&sort_by=x&sort_order=up`, ``, `{"detail":"project_id: must be a UUID; status: must be some of new, triaging, in_progress, resolved, closed; severity: must be some of low, medium, high, critical; page: must be a whole number from 1 to 1000000; limit: must be a whole number from 1 to 2147483647; page_size: must be a whole number from 1 to 100","errors":[{"field":"project_id","message":"must be a UUID"},{"field":"status","message":"must be some of new, triaging, in_progress, resolved, closed"},{"field":"severity","message":"must be some of low, medium, high, critical"},{"field":"page","message":"must be a whole number from 1 to 1000000"},{"field":"limit","message":"must be a whole number from 1 to 2147483647"},{"field":"page_size","message":"must be a whole number from 1 to 100"}]}`},
		{"GET", `/reports/x`, ``, `{"detail":"id: must be a UUID"}`},
	} {
		body := repeat.ReplaceAllStringFunc(tc.body, func(m string) string {
			part := repeat.FindStringSubmatch(m)
			n, err := strconv.Atoi(part[2])
			if err != nil {
				t.Fatal(err)
			}
			return strings.Repeat(part[1], n)
		})
		from := u
		if tc.method == "POST" && tc.path == "/reports" {
			from = widget
		}
		path := strings.NewReplacer("{project}", project, "{report}", report).Replace(tc.path)
		a := from.send(tc.method, path, "application/json", []byte(body))
		if tc.method == "POST" && tc.path == "/reports" { // the one of these that the widget sends
			a.raw = []byte(strings.Replace(string(a.raw), `,"code":"report.invalid"`, "", 1))
			if a.text("code") != "report.invalid" {
				t.Errorf("%s: code %q", tc.body, a.text("code"))
			}
		}
		if a.status != 422 || strings.TrimSpace(string(a.raw)) != tc.want {
			t.Errorf("%s %s %s: %d\ngot  %s\n want %s", tc.method, tc.path, tc.body, a.status, a.raw, tc.want)
		}
	}
}
