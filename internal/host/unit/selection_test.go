package unit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/unit"
)

func onSite(t *testing.T, yaml string) config.Config {
	t.Helper()
	cfg, err := config.Parse("test", []byte("server:\n  name: bugs.test\n"+yaml), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const external = "database:\n  mode: external\n"

// What only timers and paths start is named by what they start.
func TestTheJobsOfASite(t *testing.T) {
	for yaml, want := range map[string][]string{
		"": {"bugspark-alert@review.service"},
		"backup:\n  target: /srv/b\n": {
			"bugspark-alert@review.service", "bugspark-backup-check.service", "bugspark-backup-drill.service", "bugspark-backup-prune.service",
			"bugspark-backup-verify.service", "bugspark-backup.service",
		},
	} {
		if got := shipped(t).Jobs(onSite(t, yaml)); !slices.Equal(got, want) {
			t.Errorf("%q: %v", yaml, got)
		}
	}
}

func TestWhichUnitsRunOnASite(t *testing.T) {
	always := "alert-review.timer api.service api.socket dashboard.service dashboard.socket migrate.service proxy-http.socket proxy-https.socket proxy.service supervisor.socket target"
	managed := " minio.service postgres.service storage.service storage.socket"
	timers := " scratch.socket backup-check.timer backup-drill.socket backup-drill.timer backup-prune.timer backup-verify.timer backup.socket backup.timer"
	stream := " walship.service walstream.service"
	s3 := "storage:\n  engine: s3\n  endpoint: https://s3.test\n"
	for _, tc := range []struct {
		rule, yaml, want string
	}{
		{"everything is ours, no backups", "", always + managed},
		{"a customer's database leaves PostgreSQL out", external, always + " minio.service storage.service storage.socket"},
		{"a customer's S3 leaves MinIO out", s3, always + " postgres.service"},
		{"a directory for pictures leaves MinIO out", "storage:\n  engine: filesystem\n", always + " postgres.service"},
		{"backups of our own database stream", "backup:\n  target: /srv/b\n", always + managed + timers + stream},
		{"a second target is copied to", "backup:\n  target: /srv/b\n  copy:\n    target: /srv/c\n", always + managed + timers + stream + " backup-copy.timer backup-copy-proof.timer"},
		{"backups of a customer's database do not stream", external + s3 + "backup:\n  target: /srv/b\n", always + timers},
		{"unless it is asked for", external + s3 + "backup:\n  target: /srv/b\n  stream: true\n", always + timers + stream},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			set := shipped(t)
			on, off := set.Selected(onSite(t, tc.yaml))
			var got []string
			for _, name := range on {
				got = append(got, strings.TrimPrefix(strings.TrimPrefix(name, "bugspark-"), "bugspark."))
			}
			slices.Sort(got)
			want := strings.Fields(tc.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			for _, name := range off {
				if slices.Contains(on, name) {
					t.Errorf("%s is both on and off", name)
				}
			}
		})
	}
}

func TestOrderOfTheStart(t *testing.T) {
	on, _ := shipped(t).Selected(onSite(t, "backup:\n  target: /srv/b\n  copy:\n    target: /srv/c\n"))
	for _, tc := range []struct{ rule, first, then string }{
		{"the database before the migrations", "postgres.service", "migrate.service"},
		{"the migrations before the API", "migrate.service", "api.service"},
		{"a socket before its service", "api.socket", "api.service"},
		{"a socket before its service", "storage.socket", "storage.service"},
		{"the ports before the proxy", "proxy-https.socket", "proxy.service"},
		{"MinIO before the gate", "minio.service", "storage.service"},
		{"the gate before the API", "storage.service", "api.service"},
		{"the request for a set before who asks", "backup.socket", "walstream.service"},
		{"the receiver before the shipper", "walstream.service", "walship.service"},
		{"the database before the receiver", "postgres.service", "walstream.service"},
	} {
		first, then := slices.Index(on, "bugspark-"+tc.first), slices.Index(on, "bugspark-"+tc.then)
		if first < 0 || then < 0 || first > then {
			t.Errorf("%s: %s is at %d, %s at %d", tc.rule, tc.first, first, tc.then, then)
		}
	}
	if on[len(on)-1] != "bugspark.target" {
		t.Errorf("the last is %s", on[len(on)-1])
	}
}

func TestStoppingGoesBackwards(t *testing.T) {
	_, off := shipped(t).Selected(onSite(t, "storage:\n  engine: filesystem\n"))
	if slices.Index(off, "bugspark-storage.service") > slices.Index(off, "bugspark-minio.service") {
		t.Errorf("MinIO is stopped before the gate, which would start it again: %v", off)
	}
}

func TestWhoProvidesAndWhoWrites(t *testing.T) {
	s := shipped(t)
	for _, tc := range []struct {
		what      string
		got, want []string
	}{
		{"the database", s.ProvidersOf("database"), []string{"bugspark-postgres.service"}},
		{"the object store, sockets before services", s.ProvidersOf("storage"), []string{"bugspark-minio.service", "bugspark-storage.socket", "bugspark-storage.service"}},
		{"what writes to the database", s.WritersOf("database"), []string{"bugspark-migrate.service", "bugspark-api.service"}},
		{"and the sockets that would start it again", s.WithSockets(s.WritersOf("database")), []string{"bugspark-migrate.service", "bugspark-api.service", "bugspark-api.socket"}},
		{"nothing", s.ProvidersOf("mail"), nil},
	} {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("%s: %v", tc.what, tc.got)
		}
	}
}

func TestTheSupervisorRestartsOnlyWhatServes(t *testing.T) {
	got := shipped(t).Supervised()
	want := []string{"bugspark-api.service", "bugspark-dashboard.service", "bugspark-minio.service", "bugspark-postgres.service", "bugspark-proxy.service", "bugspark-storage.service"}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it may restart %v", got)
	}
}

func TestRoles(t *testing.T) {
	for role, want := range map[string]string{"api": "bugspark-api.service", "wal ship": "bugspark-walship.service", "backup create": "bugspark-backup.service"} {
		if u, err := shipped(t).Role(role); err != nil || u.Name != want {
			t.Errorf("%s is run by %s (%v)", role, u.Name, err)
		}
	}
	for _, role := range []string{"", "wal", "status", "api more"} {
		if u, err := shipped(t).Role(role); err == nil {
			t.Errorf("%q is run by %s", role, u.Name)
		}
	}
}

// The names of these units sort against every rule.
func TestOrderComesFromTheRelationsAndNotFromNames(t *testing.T) {
	const wanted = "[Install]\nWantedBy=a.target\n"
	const service = wanted + "[Service]\nExecStart=/bin/true\n"
	s, err := unit.Load(files(
		"a.target", "[Install]\nWantedBy=multi-user.target\n[Unit]\nDescription=last\n",
		"b.service", service+"[Unit]\nAfter=c.service\n",
		"c.service", service,
		"y.path", wanted+"[Unit]\nBefore=b.service\n[Path]\nPathExists=/x\n", "y.service", "[Unit]\nBefore=c.service\n"+service,
		"z.timer", wanted+"[Timer]\nOnCalendar=daily\n", "z.service", "[Unit]\nBefore=y.service\n"+service,
		"x.socket", wanted+"[Socket]\nListenStream=1\nService=c.service\n",
	))
	if err != nil {
		t.Fatal(err)
	}
	on, _ := s.Selected(config.Config{})
	if want := []string{"x.socket", "y.path", "z.timer", "z.service", "y.service", "c.service", "b.service", "a.target"}; !sameOrder(on, want) {
		t.Errorf("got %v, want the relations of %v", on, want)
	}
}

// sameOrder wants each pair that the test's units relate in the same order.
func sameOrder(got, want []string) bool {
	for _, pair := range [][2]string{{"x.socket", "c.service"}, {"y.path", "y.service"}, {"y.path", "b.service"}, {"z.timer", "z.service"},
		{"z.service", "y.service"}, {"y.service", "c.service"}, {"c.service", "b.service"}, {"b.service", "a.target"}} {
		if slices.Index(got, pair[0]) > slices.Index(got, pair[1]) {
			return false
		}
	}
	return len(got) == len(want) && got[len(got)-1] == "a.target"
}

// A path unit watches by inotify, of which a busy machine may have none left.
func TestNoUnitNeedsInotify(t *testing.T) {
	for _, name := range shipped(t).Names() {
		if strings.HasSuffix(name, ".path") {
			t.Errorf("%s cannot start where no inotify instance is left", name)
		}
	}
}

func TestWhatServesIsKnown(t *testing.T) {
	s := shipped(t)
	for name, want := range map[string]bool{
		"bugspark-api.service": true, "bugspark-api.socket": true, "bugspark-proxy-https.socket": true, "bugspark-migrate.service": true,
		"bugspark-backup.socket": false, "bugspark-walship.service": false, "bugspark-supervisor.socket": false, "bugspark.target": false, "nowhere.service": false,
	} {
		if s.Serves(name) != want {
			t.Errorf("%s serves: %v", name, !want)
		}
	}
}
