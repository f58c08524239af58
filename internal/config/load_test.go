package config_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func env(pairs ...string) config.LookupEnv {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestParseAppliesFileThenEnvironment(t *testing.T) {
	c, err := config.Parse("bugspark.yaml", []byte("server:\n  name: bugs.example.org\n  https_port: 8443\nproxy:\n  trusted: [10.0.0.0/8]\n"),
		env("BUGSPARK_LIMITS_PICTURE_MIB", "3", "BUGSPARK_TLS_HSTS", "true", "BUGSPARK_SERVER_HTTP_PORT", "8080"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Server.PublicURL(); got != "https://bugs.example.org:8443" {
		t.Errorf("PublicURL = %q", got)
	}
	if c.Limits.PictureMiB != 3 || !c.TLS.HSTS || c.Server.HTTPPort != 8080 || len(c.Proxy.Trusted) != 1 {
		t.Errorf("overrides lost: %+v", c)
	}
	if c.Accounts.AdminEmail != "admin@bugs.example.org" {
		t.Errorf("AdminEmail = %q", c.Accounts.AdminEmail)
	}
}

func TestParseNamesEveryMistake(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"unknown key", "server:\n  nmae: x\n", `line 2: unknown setting "server.nmae"`},
		{"unknown section", "sever:\n  name: x\n", `line 1: unknown setting "sever"`},
		{"wrong type", "server:\n  https_port: many\n", `line 2: server.https_port must be a whole number, not "many"`},
		{"quoted number", "server:\n  https_port: \"443\"\n", "must be a whole number"},
		{"number for text", "server:\n  name: 12\n", "server.name must be text"},
		{"not a mapping", "- a\n- b\n", "the file must hold settings"},
		{"not YAML", "server: [\n", `not valid YAML: line 1: what "[" or "{" begins is never closed`},
		{"a tab", "server:\n\tname: x\n", "line 2: indent by spaces and not by tabs"},
		{"a deeper line", "server:\n  name: x\n   https_port: 1\n", "line 3: a setting begins where none can"},
		{"a shallower line", "server:\n  name: x\n https_port: 1\n", "a line here is not indented as its neighbours are"},
		{"an open quotation", "server:\n  name: \"x\n", "a quotation mark that was opened before is never closed"},
		{"no colon", "server:\n  name: x\n  http_port 1\n  https_port: 1\n", "line 3: the line before has no colon"},
		{"a setting twice", "server:\n  name: x\n  name: y\n", "line 3: server.name stands in line 2 already"},
		{"bad enum", "tls:\n  mode: magic\n", "tls.mode must be one of internal, acme, files"},
		{"missing pair", "tls:\n  mode: files\n", "needs tls.certificate and tls.key"},
		{"same ports", "server:\n  http_port: 443\n", "must differ"},
		{"bad network", "proxy:\n  trusted: [nonsense]\n", "not a network"},
		{"scalar for section", "server: x\n", "server must hold settings"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Parse("answers.yaml", []byte(tc.file), env())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want it to contain %q", err, tc.want)
			}
		})
	}
}

func TestSampleIsValidOnceUncommented(t *testing.T) {
	var sample bytes.Buffer
	if err := config.WriteSample(&sample); err != nil {
		t.Fatal(err)
	}
	var live []string
	for line := range strings.Lines(sample.String()) {
		line = strings.TrimPrefix(line, "#")
		if !strings.HasPrefix(line, " ") || strings.HasPrefix(line, "  ") {
			live = append(live, line)
		}
	}
	text := strings.Join(live, "")
	if _, err := config.Parse("sample", []byte(text), env()); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, s := range config.Settings() {
		if !strings.Contains(sample.String(), s.Doc) {
			t.Errorf("the sample does not mention %s", s.Key)
		}
	}
}

// Somebody reads the settings of a set before they are used, in mails and on a terminal: what
// cannot be seen there could make one name look like another.
func TestWhatCannotBeSeenIsRefused(t *testing.T) {
	for key, file := range map[string]string{
		"backup.copy.target":       "backup:\n  copy:\n    target: \"sftp://u@evil.example/x\\u202egro.latipsoh\"\n",
		"mail.host":                "mail:\n  host: \"evil\\u202e.org\"\n",
		"alert.mail_to":            "alert:\n  mail_to: [\"a\\u2066@x.org\"]\n",
		"storage.minio_binary":     "storage:\n  minio_binary: \"/opt/x\\u200boinim\"\n",
		"outbound.plaintext_hosts": "outbound:\n  plaintext_hosts: [\"a\\u00ad.org\"]\n",
		"log.level":                "log:\n  level: \"info\\x9b\"\n",
	} {
		if _, err := config.Parse("set", []byte(file), env()); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if c, err := config.Parse("set", []byte("storage:\n  minio_binary: \"/opt/größer ☃/minio\"\n"), env()); err != nil {
		t.Errorf("what can be seen is refused: %v, %q", err, c.Storage.MinIOBinary)
	}
}

// What stands behind "---" would be ignored without a word.
func TestASecondDocumentIsRefused(t *testing.T) {
	_, err := config.Parse("bugspark.yaml", []byte("log:\n  level: info\n---\nserver:\n  name: x\n"), func(string) (string, bool) { return "", false })
	if fault.Status(err) != int(fault.Usage) || !strings.Contains(err.Error(), "line 4") && !strings.Contains(err.Error(), "line 3") {
		t.Errorf("%v", err)
	}
	if _, err := config.Parse("bugspark.yaml", []byte("---\nserver:\n  name: bugs.test\n"), func(string) (string, bool) { return "", false }); err != nil {
		t.Errorf("one document with its mark: %v", err)
	}
}

// A service of an installed machine has no environment of ours: what setup, plan or apply
// took from one would be lost with its next start.
func TestOverridesAreRefusedWhereServicesGetNone(t *testing.T) {
	dirs := config.Dirs{Config: "/etc/bugspark"}
	for _, fine := range []config.LookupEnv{env(), env("BUGSPARK_CONFIG_DIR", "/x", "BUGSPARK_BACKUPS_DIR", "/y", "BUGSPARK_STATE_DIR", "/z")} {
		if err := config.RefuseOverrides(dirs, fine); err != nil {
			t.Errorf("no setting is set: %v", err)
		}
	}
	err := config.RefuseOverrides(dirs, env("BUGSPARK_SERVER_HTTPS_PORT", "8443"))
	if fault.Status(err) != int(fault.Usage) || !strings.Contains(err.Error(), "BUGSPARK_SERVER_HTTPS_PORT") ||
		len(fault.Hints(err)) != 1 || !strings.Contains(fault.Hints(err)[0], "server.https_port into /etc/bugspark/bugspark.yaml") {
		t.Errorf("%v, %q", err, fault.Hints(err))
	}
}
