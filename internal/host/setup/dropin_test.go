package setup_test

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// applied returns the drop-ins of a site after an apply.
func applied(t *testing.T, yaml string) map[string]string {
	t.Helper()
	s, m := site(t, "server:\n  name: bugs.test\n"+yaml), newManager()
	// A bucket is empty and lets itself be claimed.
	s.Names = func(context.Context, string) ([]string, error) { return nil, nil }
	s.Claim = func(context.Context, string) error { return nil }
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m.dropIns
}

func TestDropInsComeFromSettings(t *testing.T) {
	const network = "PrivateNetwork=no\nRestrictAddressFamilies=AF_INET AF_INET6\n"
	const external = "database:\n  mode: external\n"
	for _, tc := range []struct {
		rule, yaml, unit string
		want             []string // nil: there is none
	}{
		{"the usual port needs none", "", "proxy-https.socket", nil},
		{"another port replaces the unit's", "  https_port: 8443\n", "proxy-https.socket", []string{"[Socket]\nListenStream=\nListenStream=8443\n"}},
		{"without backups nothing is reached", "", "backup-prune.service", nil},
		{"a directory becomes writable", "backup:\n  target: /srv/b\n", "backup-prune.service", []string{"[Service]\nReadWritePaths=-/srv/b\n"}},
		{"and needs no network", "backup:\n  target: /srv/b\n", "walship.service", []string{"[Service]\nReadWritePaths=-/srv/b\n"}},
		{"a bucket needs the network", "backup:\n  target: s3://b/p\n  endpoint: https://s3.test\n", "backup-drill.service", []string{"[Service]\n" + network}},
		{"the copy job reaches both targets", "backup:\n  target: /srv/b\n  copy:\n    target: /srv/c\n", "backup-copy.service", []string{"ReadWritePaths=-/srv/c\nReadWritePaths=-/srv/b\n"}},
		{"other jobs reach the first alone", "backup:\n  target: /srv/b\n  copy:\n    target: /srv/c\n", "backup-verify.service", []string{"[Service]\nReadWritePaths=-/srv/b\n"}},
		{"a customer's database is elsewhere", external, "walstream.service", []string{network}},
		{"the receiver reaches no target", "backup:\n  target: /srv/b\n", "walstream.service", nil},
		{"the API reaches its own machine alone", "backup:\n  target: s3://b/p\n  endpoint: https://s3.test\n", "api.service", nil},
		{"unless the database is elsewhere", external, "api.service", []string{network}},
		{"or the pictures are", "storage:\n  engine: s3\n  endpoint: https://s3.test\n", "api.service", []string{network}},
		{"migrations reach the database alone", "storage:\n  engine: s3\n  endpoint: https://s3.test\n", "migrate.service", nil},
		{"wherever that is", external, "migrate.service", []string{network}},
		{"the proxy gets its sockets from systemd", "", "proxy.service", nil},
		{"and asks an ACME server", "tls:\n  mode: acme\n  acme:\n    directory: https://ca.test/dir\n    email: a@bugs.test\n", "proxy.service", []string{network}},
		{"alerts reach nobody", "", "alert@.service", nil},
		{"alerts reach the mail server", "mail:\n  host: mail.test\n", "alert@.service", []string{network}},
		{"or the webhook", "alert:\n  webhook: https://hook.test\n", "alert@.service", []string{network}},
		{"a customer's S3 is elsewhere", "storage:\n  engine: s3\n  endpoint: https://s3.test\n", "backup.service", []string{network}},
		{"a set holds the customer's certificate", "tls:\n  mode: files\n  certificate: /etc/a.pem\n  key: /etc/k.pem\n", "backup.service",
			[]string{"[Service]\nLoadCredential=tls-certificate:/etc/a.pem\nLoadCredential=tls-key:/etc/k.pem\nSetCredential=tls-certificate:missing\nSetCredential=tls-key:missing\n"}},
		{"a percent sign in a path is one", "tls:\n  mode: files\n  certificate: /etc/%h/a.pem\n  key: /etc/k.pem\n", "backup.service", []string{"LoadCredential=tls-certificate:/etc/%%h/a.pem\n"}},
		{"a schedule replaces the timer's", "backup:\n  drill_schedule: Mon 04:00\n", "backup-drill.timer", []string{"[Timer]\nOnCalendar=\nOnCalendar=Mon 04:00\n"}},
		{"the default schedule needs none", "", "backup.timer", nil},
		{"without WAL there are more sets", external, "backup.timer", []string{"OnCalendar=*-*-* 02/4:15\n"}},
		{"unless a schedule is set", external + "backup:\n  schedule: '*-*-* 01:00'\n", "backup.timer", []string{"OnCalendar=*-*-* 01:00\n"}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			got := applied(t, tc.yaml)["bugspark-"+tc.unit]
			if tc.want == nil && got != "" {
				t.Errorf("there is a drop-in:\n%s", got)
			}
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

func TestWhatASettingRestarts(t *testing.T) {
	for _, tc := range []struct {
		yaml string
		want string
	}{
		{"limits:\n  picture_mib: 5\n", "api"},
		{"database:\n  pool: 20\n", "api postgres"},
		{"proxy:\n  header_timeout_s: 9\n", "proxy"},
		{"storage:\n  minio_binary: /opt/minio\n", "api minio"},
		{"log:\n  level: debug\n", "api dashboard proxy storage supervisor"},
		{"accounts:\n  session_days: 3\n", "api"},
		{"alert:\n  webhook: https://hook.test\n", "write alert@"}, // its drop-in; it runs when something fails
	} {
		s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
		m.active["bugspark-supervisor.service"] = true // somebody has asked it
		if _, err := converger(s, m).Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		s = reload(t, s.Dirs, "server:\n  name: bugs.test\n"+tc.yaml)
		made, err := converger(s, m).Apply(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range made {
			if c.Action == "put in force" {
				continue
			}
			name := strings.TrimSuffix(strings.TrimPrefix(c.What, "bugspark-"), ".service")
			if c.Action != "restart" {
				name = c.Action + " " + name
			}
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%q restarted %v, want %s", tc.yaml, got, tc.want)
		}
	}
}

func TestAServiceThatNobodyAskedIsNotStarted(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.active["bugspark-supervisor.service"] || !m.active["bugspark-supervisor.socket"] {
		t.Errorf("active: %v", m.active)
	}
}
