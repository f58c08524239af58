package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func itoa(n int) string { return strconv.Itoa(n) }

func configDir(t *testing.T, file string) config.Dirs {
	t.Helper()
	d := config.Dirs{Config: t.TempDir()}
	if err := os.WriteFile(d.File(), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.Config, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestExplainTellsOrigins(t *testing.T) {
	d := configDir(t, "server: {name: bugs.example.org, http_port: 8080}\nmail: {host: mx, from: }\nalert: {mail_to: ['Ops <a@b>']}\n")
	e, err := config.Explain(d, env("BUGSPARK_SERVER_HTTP_PORT", "81", "BUGSPARK_TLS_HSTS", "true"))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Settings) != len(config.Settings()) {
		t.Errorf("%d of %d settings", len(e.Settings), len(config.Settings()))
	}
	for _, want := range []config.Value{
		{Key: "server.name", Value: "bugs.example.org", Origin: "file", Source: d.File()},
		{Key: "server.http_port", Value: 81, Origin: "environment", Source: "BUGSPARK_SERVER_HTTP_PORT"},
		{Key: "server.https_port", Value: 443, Origin: "default"},
		{Key: "tls.hsts", Value: true, Origin: "environment", Source: "BUGSPARK_TLS_HSTS"},
		{Key: "mail.from", Value: "bugspark@bugs.example.org", Origin: "default"},
		{Key: "alert.mail_to", Value: []string{"Ops <a@b>"}, Origin: "file", Source: d.File()},
		{Key: "proxy.trusted", Value: []string{}, Origin: "default"},
	} {
		if got, err := e.Get(want.Key); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
	}
	if n := len(e.Changed().Settings); n != 5 {
		t.Errorf("%d settings differ from the defaults", n)
	}
}

func TestExplainShowsNoSecret(t *testing.T) {
	const secret = "hunter2"
	d := configDir(t, "alert: {webhook: 'https://hooks.example.org/T/"+secret+"?k="+secret+"'}\n")
	for _, c := range config.Credentials() {
		if err := os.WriteFile(d.CredentialFile(c.Name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(d.CredentialFile("smtp-password"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.CredentialFile("internal-ca")); err != nil {
		t.Fatal(err)
	}
	e, err := config.Explain(d, env())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) {
		t.Errorf("a secret is shown: %s", text)
	}
	if v, err := e.Get("alert.webhook"); err != nil || v.Value != "https://hooks.example.org/***" || !v.Redacted {
		t.Errorf("%+v %v", v, err)
	}
	states := map[string]string{}
	for _, s := range e.Credentials {
		states[s.Name] = s.State
		if s.Path != d.CredentialFile(s.Name) {
			t.Errorf("%+v", s)
		}
	}
	if len(states) != len(config.Credentials()) || states["secret-key"] != "set" || states["smtp-password"] != "empty" || states["internal-ca"] != "missing" {
		t.Errorf("%v", states)
	}
}

func TestGetSuggests(t *testing.T) {
	e, err := config.Explain(configDir(t, ""), env())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"server.nmae":   "did you mean server.name?",
		"mail_to":       "did you mean alert.mail_to?",
		"sever":         "did you mean server?",
		"Server.Name":   "did you mean server.name?",
		"tls.acme-root": "did you mean tls.acme.root?",
		"server.bucket": "did you mean storage.bucket?",
		"tls.acme":      "its settings are tls.acme.directory, tls.acme.email, tls.acme.root",
		"smtp-password": "is a secret and no setting",
		"xyzzy":         `unknown setting "xyzzy"`,
		"":              `unknown setting ""`,
	} {
		_, err := e.Get(key)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Status(err) != 2 {
			t.Errorf("%q: %v, want %q", key, err, want)
		}
	}
}

func TestExplainRefusesWhatLoadRefuses(t *testing.T) {
	if _, err := config.Explain(configDir(t, "server: {nmae: x}"), env()); fault.Status(err) != 2 || !strings.Contains(err.Error(), "did you mean server.name?") {
		t.Errorf("unknown key: %v", err)
	}
	d := configDir(t, "")
	if err := os.Remove(d.File()); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Explain(d, env()); err != nil {
		t.Errorf("no file: %v", err)
	}
	if err := os.Mkdir(d.File(), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Explain(d, env()); fault.Status(err) != 3 {
		t.Errorf("unreadable file: %v", err)
	}
}
