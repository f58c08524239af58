package config_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// Each form with texts it takes and texts it refuses, by the setting that has it.
func TestForms(t *testing.T) {
	long := strings.Repeat("a", 254)
	for _, tc := range []struct {
		key, with   string // with: what else must be set for the setting to apply
		good, bad   []string
		wantMessage string
	}{
		{"server.name", "", []string{"bugs.example.org", "10.0.0.1"}, []string{"https://bugs", "bugs:443", "a b", "a\tb", "a/b", long}, "bare DNS name"},
		{"proxy.trusted", "", []string{"10.0.0.0/8", "2001:db8::/32"}, []string{"nonsense", "10.0.0.1", "10.0.0.0/33"}, "is not a network"},
		{"tls.acme.directory", "BUGSPARK_TLS_MODE=acme", []string{"https://acme.example.org/dir"}, []string{"http://acme.example.org/dir", "acme.example.org", "https://"}, "an https URL"},
		{"storage.endpoint", "BUGSPARK_STORAGE_ENGINE=s3", []string{"https://s3.example.org", "http://localhost:9000/x"}, []string{"s3.example.org", "ftp://s3.example.org", "https://"}, "a URL such as"},
		{"storage.bucket", "", []string{"bugspark", "abc"}, []string{"ab", "Bugspark", "", strings.Repeat("b", 64)}, "3 to 63 lower-case"},
		{"backup.target", "", []string{"/srv/backup", "sftp://vault@files.example.org/b"}, []string{"srv/backup", "/tmp/x", "ftp://x/y", "sftp://a:secret@files/b"}, "cannot be used"},
		{"backup.endpoint", "BUGSPARK_BACKUP_TARGET=s3://b", []string{"https://s3.example.org", "http://[::1]:9000/"}, []string{"s3.example.org", "https://s3.example.org/b", "https://key@s3.example.org"}, "a URL such as"},
		{"backup.host_key", "BUGSPARK_BACKUP_TARGET=sftp://a@files/b", []string{"", "ssh-ed25519 AAAA"}, []string{"AAAA"}, "a public key"},
		{"tls.certificate", "BUGSPARK_TLS_KEY=/k", []string{"", "/etc/a b%.pem"}, []string{"/etc/a\nExecStartPre=+/bin/x", "/etc/a\r", "/etc/\x00", "/etc/\xff"}, "must not hold line breaks"},
		{"storage.minio_binary", "", []string{"", "/opt/minio"}, []string{"/opt/minio\n[Service]"}, "must not hold line breaks"},
		{"mail.host", "", []string{"", "mx"}, []string{"mx\nUser=root"}, "must not hold line breaks"},
		{"tls.certificate", "BUGSPARK_TLS_MODE=files", nil, []string{"a.pem", "../a.pem"}, "must be an absolute path"},
		{"mail.host", "", []string{"mx.example.org", "192.0.2.1", "2001:db8::1"}, []string{"mx example", "mx:25", "smtp://mx"}, "must be a bare DNS name or address"},
		{"backup.schedule", "", []string{"*-*-* 02:15"}, []string{"", "daily\nExecStart=/x", "%i"}, "a calendar expression"},
		{"backup.drill_schedule", "", []string{"Sun *-*-* 03:45"}, []string{"", "%i"}, "a calendar expression"},
		{"backup.copy.schedule", "", []string{"*:20"}, []string{"", "%i"}, "a calendar expression"},
		{"alert.webhook", "", []string{"", "https://alerts.example.org/x", "http://127.0.0.1:8080"}, []string{"alerts.example.org", "mailto:a@b", "https://"}, "a URL such as"},
		{"alert.mail_to", "BUGSPARK_MAIL_HOST=mx", []string{"a@b", "Ops <a@b>", "a@b,c@d", `"Ops, night" <a@b>, c@d`, "a@b c@d"}, []string{"ops", "Ops <a@b", "a@b\r\nBcc: x@y"}, "is not an e-mail address"},
		{"mail.from", "", []string{"", "a@b", "BugSpark <a@b>"}, []string{"ops", "<a@b"}, "must be an e-mail address"},
		{"accounts.admin_email", "", []string{"", "a@b"}, []string{"admin"}, "must be an e-mail address"},
		{"tls.mode", "", []string{"internal"}, []string{"", "magic", "ACME"}, "must be one of internal, acme, files"},
		{"database.mode", "", []string{"managed", "external"}, []string{"", "ours"}, "must be one of"},
		{"storage.engine", "", []string{"minio", "filesystem"}, []string{"", "disk"}, "must be one of"},
		{"log.level", "", []string{"debug", "error"}, []string{"", "INFO", "trace"}, "must be one of"},
	} {
		parse := func(value string) error {
			name, other, _ := strings.Cut(tc.with, "=")
			pairs := []string{config.EnvName(tc.key), value}
			if name != "" {
				pairs = append(pairs, name, other)
			}
			_, err := config.Parse("test", nil, env(pairs...))
			return err
		}
		for _, value := range tc.good {
			if err := parse(value); err != nil && strings.Contains(err.Error(), tc.key+":") {
				t.Errorf("%s refuses %q: %v", tc.key, value, err)
			} else if err != nil {
				t.Errorf("%s=%q: %v", tc.key, value, err)
			}
		}
		for _, value := range tc.bad {
			if err := parse(value); err == nil || !strings.Contains(err.Error(), tc.key) || !strings.Contains(err.Error(), tc.wantMessage) {
				t.Errorf("%s takes %q: %v", tc.key, value, err)
			}
		}
	}
}

// The limits stand here a second time on purpose: nobody may change one unseen.
func TestRanges(t *testing.T) {
	ranges := map[string][2]int{
		"server.http_port": {1, 65535}, "server.https_port": {1, 65535}, "mail.port": {1, 65535},
		"proxy.body_limit_mib": {1, 1024}, "proxy.connections_per_address": {16, 8192}, "proxy.header_timeout_s": {1, 300},
		"database.shared_buffers_mib": {0, 1 << 20}, "database.pool": {2, 500},
		"accounts.session_days": {1, 365}, "limits.report_body_kib": {16, 65536}, "limits.picture_mib": {1, 100},
		"limits.reports_per_project": {0, 1 << 30}, "limits.reports_per_address": {0, 1 << 30}, "limits.logins_per_address": {0, 1 << 30},
		"limits.picture_mib_per_address": {0, 1 << 20}, "limits.unnamed_mib": {0, 1 << 20}, "limits.free_space_mib": {0, 1 << 20},
		"backup.lock_days": {0, 365}, "backup.copy.lock_days": {0, 365}, "backup.window_days": {1, 365}, "backup.keep_daily": {0, 366}, "backup.keep_weekly": {0, 520}, "backup.keep_monthly": {0, 120},
		"backup.spool_mib": {64, 1 << 20},
	}
	for _, s := range config.Settings() {
		if _, number := s.Default.(int); !number {
			continue
		}
		want, ok := ranges[s.Key]
		if !ok || s.Min != want[0] || s.Max != want[1] {
			t.Errorf("%s takes %d to %d, want %v", s.Key, s.Min, s.Max, want)
		}
		for _, n := range []int{s.Min - 1, s.Max + 1} {
			_, err := config.Parse("test", nil, env(config.EnvName(s.Key), itoa(n)))
			if err == nil || !strings.Contains(err.Error(), s.Key+" must be between") {
				t.Errorf("%s takes %d: %v", s.Key, n, err)
			}
		}
		for _, text := range []string{"many", "1.5", "", "99999999999999999999"} {
			if _, err := config.Parse("test", nil, env(config.EnvName(s.Key), text)); err == nil {
				t.Errorf("%s takes %q", s.Key, text)
			}
		}
	}
}

func TestRulesBetweenSettings(t *testing.T) {
	for _, tc := range []struct{ rule, file, want string }{
		{"required: certificate and key", "tls: {mode: files}", "tls.mode files needs tls.certificate and tls.key"},
		{"required: key alone", "tls: {mode: files, certificate: /a.pem}", "tls.mode files needs tls.key"},
		{"required: directory", "tls: {mode: acme}", "tls.mode acme needs tls.acme.directory"},
		{"required: endpoint of s3", "storage: {engine: s3}", "storage.engine s3 needs storage.endpoint"},
		{"required: endpoint of a target", "backup: {target: 's3://b'}", "backup.target s3://b needs backup.endpoint"},
		{"required: scheme in capitals", "backup: {target: 'S3://b'}", "needs backup.endpoint"},
		{"required: endpoint of a second target", "backup: {target: /srv/b, copy: {target: 's3://b'}}", "backup.copy.target s3://b needs backup.copy.endpoint"},
		{"portsDiffer", "server: {http_port: 8443, https_port: 8443}", "must differ (both are 8443)"},
		{"copyIsAnotherTarget: same", "backup: {target: /srv/b, copy: {target: /srv/b}}", "must be another target"},
		{"copyIsAnotherTarget: alone", "backup: {copy: {target: /srv/b}}", "must be another target"},
		{"streamIsOfExternalDatabase", "backup: {stream: true}", "backup.stream is for database.mode external"},
		{"mailNeedsServer", "alert: {mail_to: [a@b]}", "alert.mail_to needs mail.host"},
		{"an empty element", "mail: {host: mx}\nalert: {mail_to: ['']}", "is not an e-mail address"},
	} {
		_, err := config.Parse("test", []byte(tc.file), env())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.rule, err, tc.want)
		}
	}
	for name, file := range map[string]string{
		"a leftover of another mode":   "tls: {acme: {directory: nonsense}}\nstorage: {endpoint: nonsense}\nbackup: {endpoint: nonsense, host_key: x}",
		"stream of a customer's":       "database: {mode: external}\nbackup: {stream: true}",
		"an empty value is no value":   "server: {name: }",
		"a second target of another's": "backup: {target: /srv/b, copy: {target: /srv/c}}",
	} {
		if _, err := config.Parse("test", []byte(file), env()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSeveralProblemsAreNamedAtOnce(t *testing.T) {
	_, err := config.Parse("test", []byte("tls: {mode: magic}\nmail: {port: 0}\nserver: {http_port: 443}"), env())
	for _, want := range []string{"tls.mode", "mail.port", "must differ"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// Keys, pictures and alerts do not go over a network unencrypted unless somebody says so.
func TestPlaintextIsSaid(t *testing.T) {
	for yaml, want := range map[string]string{
		"storage:\n  engine: s3\n  endpoint: http://s3.test\n":                                                  "storage.endpoint is not encrypted: use https://, or add s3.test to outbound.plaintext_hosts",
		"backup:\n  target: s3://b\n  endpoint: http://10.0.0.1:9000\n":                                         "backup.endpoint is not encrypted",
		"backup:\n  target: /srv/b\n  copy:\n    target: s3://b\n    endpoint: http://s3.test\n":                "backup.copy.endpoint is not encrypted",
		"alert:\n  webhook: http://hook.test/x\n":                                                               "alert.webhook is not encrypted",
		"alert:\n  webhook: https://user:password@hook.test/x\n":                                                "without an account",
		"alert:\n  webhook: https://hook.test/T/{token}\n":                                                      "",
		"storage:\n  engine: s3\n  endpoint: http://s3.test\noutbound:\n  plaintext_hosts: [s3.test]\n":         "",
		"storage:\n  engine: s3\n  endpoint: http://s3.test\noutbound:\n  plaintext_hosts: [other.test]\n":      "storage.endpoint is not encrypted",
		"storage:\n  engine: s3\n  endpoint: http://127.0.0.1:9000\nalert:\n  webhook: 'http://[::1]:8080/x'\n": "",
		"storage:\n  engine: s3\n  endpoint: https://s3.test\n":                                                 "",
	} {
		_, err := config.Parse("bugspark.yaml", []byte(yaml), func(string) (string, bool) { return "", false })
		if err != nil && strings.Contains(err.Error(), "password") {
			t.Errorf("the error holds a secret: %v", err)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", yaml, err)
		}
	}
}
