package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

func TestTheWebhookGetsJSON(t *testing.T) {
	var body []byte
	status := http.StatusNoContent
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s", r.Method, r.Header)
		}
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
	}))
	defer s.Close()
	m := firing("no space left")
	m.State, m.At = Resolved, m.Since.Add(3*time.Hour)
	if err := (webhook{s.URL, password("")}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"key": "bugspark-backup.service", "state": "resolved", "unit": "bugspark-backup.service", "host": "db1",
		"server": "bugs.example.org", "since": "2026-03-01T04:05:06Z", "at": "2026-03-01T07:05:06Z", "text": "no space left",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	if len(got) != 8 {
		t.Errorf("%v", got)
	}
	for _, status = range []int{300, 404, 500} {
		if err := (webhook{s.URL, password("")}).Send(t.Context(), m); err == nil {
			t.Errorf("%d is taken for a delivery", status)
		}
	}
}

// The secret of a webhook is a credential, and goes to the server of the setting only.
func TestTheTokenOfAWebhook(t *testing.T) {
	var path, authorization string
	redirect := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, authorization = r.URL.EscapedPath(), r.Header.Get("Authorization")
		if redirect != "" {
			http.Redirect(w, r, redirect, http.StatusTemporaryRedirect)
		}
	}))
	defer s.Close()
	for _, c := range []struct{ url, token, path, authorization string }{
		{"/T/{token}", "a/b", "/T/a%2Fb", ""},
		{"/T", "secret", "/T", "Bearer secret"},
		{"/T", "", "/T", ""},
	} {
		if err := (webhook{s.URL + c.url, password(c.token)}).Send(t.Context(), firing("x")); err != nil || path != c.path || authorization != c.authorization {
			t.Errorf("%s with %q: %s, %q, %v", c.url, c.token, path, authorization, err)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect is followed") }))
	defer other.Close()
	redirect = other.URL
	if err := (webhook{s.URL, password("secret")}).Send(t.Context(), firing("x")); err == nil {
		t.Error("a redirect is taken for a delivery")
	}
	broken := func() (string, error) { return "", errors.New("gone") }
	if err := (webhook{s.URL, broken}).Send(t.Context(), firing("x")); err == nil || !strings.Contains(err.Error(), "webhook-token") {
		t.Errorf("without its credential: %v", err)
	}
}

func TestErrorsOfTheWebhookNameNoToken(t *testing.T) {
	for _, url := range []string{"http://127.0.0.2:1/T/token", "http://x.invalid/token", "http://a b/token"} {
		err := (webhook{url, password("")}).Send(t.Context(), firing("x"))
		if err == nil || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestChannelsOfAConfiguration(t *testing.T) {
	names := func(a config.Alert) string {
		t.Helper()
		list, err := Channels(slog.New(slog.DiscardHandler), a, config.Mail{Host: "mx", Port: 25, From: "a@b"}, password(""), password(""))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range list {
			out = append(out, c.Name())
		}
		return strings.Join(out, ", ")
	}
	if got := names(config.Alert{}); got != "journal" {
		t.Errorf("got %s", got)
	}
	if got := names(config.Alert{Webhook: "https://x", MailTo: []string{"Ops <ops@b>", "c@d", "ops@b"}}); got != "journal, webhook, mail to ops@b, mail to c@d" {
		t.Errorf("got %s", got)
	}
}

func TestTheJournalHearsBothStates(t *testing.T) {
	var out bytes.Buffer
	j := journal{slog.New(slog.NewTextHandler(&out, nil))}
	m := firing("no space left")
	must(t, j.Send(t.Context(), m))
	m.State, m.At = Resolved, m.Since.Add(3*time.Hour)
	must(t, j.Send(t.Context(), m))
	for _, want := range []string{"level=ERROR", "key=bugspark-backup.service", `text="no space left"`, "level=INFO", `lasted="3 h"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.String())
		}
	}
}

func TestSubjects(t *testing.T) {
	since := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	u := "bugspark-api.service"
	for want, m := range map[string]Message{
		"bugspark-api.service failed":                  {Key: u, Unit: u, State: Firing},
		"bugspark-api.service still failed after 25 h": {Key: u, Unit: u, State: Firing, Reminder: true, At: since.Add(25 * time.Hour)},
		"bugspark-api.service resolved after 3 h":      {Key: u, Unit: u, State: Resolved, At: since.Add(3 * time.Hour)},
		"backups: set too old":                         {Key: "backup.set-too-old", Unit: CheckUnit, State: Firing, Text: "the newest set is 51 h old\nmore"},
		"backups: set too old, for 25 h now":           {Key: "backup.set-too-old", Unit: CheckUnit, State: Firing, Reminder: true, Text: "the newest set is 51 h old", At: since.Add(25 * time.Hour)},
		"backups: set too old resolved after 40 min":   {Key: "backup.set-too-old", Unit: CheckUnit, State: Resolved, Text: "x", At: since.Add(40 * time.Minute)},
	} {
		m.Server, m.Since = "bugs.example.org", since
		if got := m.Subject(); got != "[BugSpark bugs.example.org] "+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
