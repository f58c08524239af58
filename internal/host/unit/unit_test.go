package unit_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/systemd"
)

func shipped(t *testing.T) unit.Set {
	t.Helper()
	s, err := unit.Load(systemd.Units)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryShippedServiceHasAnAccountAndASandbox(t *testing.T) {
	services := shipped(t).Services()
	if len(services) < 10 {
		t.Fatalf("only %d services were read", len(services))
	}
	for _, u := range services {
		want := strings.TrimSuffix(strings.TrimSuffix(u.Name, ".service"), "@")
		switch {
		case want == "bugspark-supervisor":
			want = "root"
		case strings.HasPrefix(want, "bugspark-wal"), strings.HasPrefix(want, "bugspark-backup"):
			want = "bugspark-backup"
		}
		if u.Service.User != want {
			t.Errorf("%s runs as %s", u.Name, u.Service.User)
		}
		if !slices.Contains(u.Extra, unit.Option{Section: "Service", Key: "ProtectSystem", Value: "strict"}) {
			t.Errorf("%s has no sandbox", u.Name)
		}
		if u.Service.ExecStart[0] != "/usr/bin/bugspark" {
			t.Errorf("%s runs %v", u.Name, u.Service.ExecStart)
		}
	}
}

// TestEverySandboxKeepsWhatItsCommentsSay names the exceptions, which the security docs
// explain.
func TestEverySandboxKeepsWhatItsCommentsSay(t *testing.T) {
	exceptions := map[string][]string{
		"bugspark-minio.service":      {"ProcSubset=all"},
		"bugspark-postgres.service":   {"PrivateUsers=no", "ProcSubset=all"},
		"bugspark-supervisor.service": {"PrivateUsers=no", "ProtectProc=default", "ProcSubset=all"},
	}
	for _, u := range shipped(t).Services() {
		for _, want := range []string{
			"NoNewPrivileges=yes", "CapabilityBoundingSet=", "AmbientCapabilities=", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
			"PrivateDevices=yes", "PrivateUsers=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
			"ProtectControlGroups=yes", "ProtectClock=yes", "ProtectHostname=yes", "ProtectProc=invisible", "ProcSubset=pid", "RestrictNamespaces=yes",
			"RestrictSUIDSGID=yes", "LockPersonality=yes", "MemoryDenyWriteExecute=yes", "SystemCallErrorNumber=EPERM",
		} {
			key, value, _ := strings.Cut(want, "=")
			for _, e := range exceptions[u.Name] {
				if k, v, _ := strings.Cut(e, "="); k == key {
					value = v
				}
			}
			if got := u.Values("Service", key); len(got) == 0 || got[len(got)-1] != value {
				t.Errorf("%s: %s is %q", u.Name, want, got)
			}
		}
	}
}

func TestServicesComeAfterWhatTheyNeed(t *testing.T) {
	services := shipped(t).Services()
	at := func(name string) int {
		return slices.IndexFunc(services, func(u unit.Unit) bool { return u.Name == "bugspark-"+name+".service" })
	}
	for _, pair := range [][2]string{{"postgres", "migrate"}, {"migrate", "api"}, {"minio", "storage"}, {"storage", "api"}} {
		if at(pair[0]) > at(pair[1]) {
			t.Errorf("%s comes after %s", pair[0], pair[1])
		}
	}
}

func TestTheProxyGetsBothPorts(t *testing.T) {
	var got []string
	for _, u := range shipped(t).SocketsOf("bugspark-proxy.service") {
		got = append(got, u.Socket.Name+"="+u.Socket.ListenStream)
	}
	if !slices.Equal(got, []string{"http=80", "https=443"}) {
		t.Errorf("got %v", got)
	}
}

func TestCredentialsAreDeclaredSettings(t *testing.T) {
	declared := map[string]bool{}
	for _, c := range config.Credentials() {
		declared[c.Name] = true
	}
	services := shipped(t).Services()
	used := map[string]bool{}
	for _, u := range services {
		for _, c := range u.Service.Credentials {
			used[c.Name] = true
			if !declared[c.Name] || c.Path != "/etc/bugspark/credentials/"+c.Name {
				t.Errorf("%s loads %v", u.Name, c)
			}
		}
	}
	for name := range declared {
		if !used[name] {
			t.Errorf("no unit loads the credential %s", name)
		}
	}
}

func TestMistakesNameFileSectionAndKey(t *testing.T) {
	for _, tc := range []struct{ name, file, text, want string }{
		{"no command", "a.service", "[Service]\nType=notify\n", "a.service: [Service] ExecStart= is missing"},
		{"prefix", "a.service", "[Service]\nExecStart=+/bin/true\n", `a.service: [Service] ExecStart=+/bin/true: "+/bin/true" is no absolute path`},
		{"quotes", "a.service", "[Service]\nExecStart=/bin/echo \"a b\"\n", "quoting"},
		{"span", "a.service", "[Service]\nExecStart=/bin/true\nRestartSec=soon\n", "[Service] RestartSec=soon: not a time span"},
		{"credential", "a.service", "[Service]\nExecStart=/bin/true\nLoadCredential=x\n", "want NAME:PATH"},
		{"dangling", "a.service", "[Unit]\nAfter=bugspark-nothing.service\n[Service]\nExecStart=/bin/true\n", "not shipped"},
		{"orphan socket", "a.socket", "[Socket]\nListenStream=80\n", "Service=a.service is not shipped"},
		{"service key in a socket", "a.socket", "[Service]\nType=notify\n", "this unit is no service"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := unit.Load(fstest.MapFS{tc.file: {Data: []byte(tc.text)}})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestCirclesAreFound(t *testing.T) {
	_, err := unit.Load(fstest.MapFS{
		"bugspark-a.service": {Data: []byte("[Unit]\nAfter=bugspark-b.service\n[Service]\nExecStart=/bin/true\n")},
		"bugspark-b.service": {Data: []byte("[Unit]\nAfter=bugspark-a.service\n[Service]\nExecStart=/bin/true\n")},
	})
	if err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("got %v", err)
	}
}

func TestSpans(t *testing.T) {
	u, err := shipped(t).Unit("bugspark-api.service")
	if err != nil {
		t.Fatal(err)
	}
	if u.Service.RestartSec != 500*time.Millisecond || u.Service.Watchdog != 30*time.Second {
		t.Errorf("%+v", u.Service)
	}
}

// Who holds which key is what separates the accounts: whoever is handed one more can do
// what docs/security.md says that nobody else can.
func TestKeysAreHandedToWhoNeedsThemAlone(t *testing.T) {
	sets := []string{"backup", "backup-check", "backup-copy-proof", "backup-drill", "backup-prune", "backup-verify"}
	for key, want := range map[string][]string{
		"backup-key":          sets, // neither the copy nor the archiver
		"archive-identity":    sets,
		"archive-signing-key": {"backup", "walship"},
		"internal-ca":         {"backup", "proxy"},
		"smtp-password":       {"alert@", "backup"},
		"webhook-token":       {"alert@", "backup"},
	} {
		var got []string
		for _, u := range shipped(t).Services() {
			if slices.ContainsFunc(u.Service.Credentials, func(c unit.Credential) bool { return c.Name == key }) {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(u.Name, "bugspark-"), ".service"))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s is handed to %v, and %v need it", key, got, want)
		}
	}
}

// A set has a copy of every secret; the job leaves out silently what it is not handed.
func TestTheJobOfTheSetsIsHandedEverySecret(t *testing.T) {
	for _, u := range shipped(t).Services() {
		if u.Name != "bugspark-backup.service" {
			continue
		}
		for _, c := range config.Credentials() {
			if !slices.ContainsFunc(u.Service.Credentials, func(h unit.Credential) bool { return h.Name == c.Name }) {
				t.Errorf("%s is not handed %s, so no set has it", u.Name, c.Name)
			}
		}
		return
	}
	t.Error("there is no such unit")
}

// Who stops bugspark.target wants everything to end, and a drill before what it works with,
// or it would be remembered as one that failed. A socket cannot be started again while its
// service runs.
func TestStoppingTheTargetStopsEveryJob(t *testing.T) {
	for _, u := range shipped(t).Services() {
		if u.Name != "bugspark-scratch.service" && !strings.HasPrefix(u.Name, "bugspark-backup") {
			continue
		}
		if !slices.ContainsFunc(u.Extra, func(o unit.Option) bool {
			return o.Section == "Unit" && o.Key == "PartOf" && slices.Contains(strings.Fields(o.Value), "bugspark.target")
		}) {
			t.Errorf("%s goes on when bugspark.target was stopped", u.Name)
		}
		if slices.Contains(u.After, "bugspark-scratch.socket") && !slices.Contains(u.After, "bugspark-scratch.service") {
			t.Errorf("%s may end after the service that it works with", u.Name)
		}
	}
}

// Most sockets in /run let everybody in, and a restored database runs code of a stranger's.
func TestARestoredDatabaseSeesNothingInRun(t *testing.T) {
	u, err := shipped(t).Unit("bugspark-scratch.service")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][]string{"TemporaryFileSystem": {"/run:ro"}, "BindPaths": nil, "BindReadOnlyPaths": {"/run/systemd/notify"}} {
		if got := u.Values("Service", key); !slices.Equal(got, want) {
			t.Errorf("%s=%v, want %v", key, got, want)
		}
	}
}

// The server's children are ended with it when a stop takes too long, and when a hostile
// database has started others that do not notice.
func TestNothingOfTheDatabaseOutlivesItsUnit(t *testing.T) {
	for _, u := range shipped(t).Services() {
		if mode := u.Service.KillMode; mode != "" && mode != "mixed" && mode != "control-group" {
			t.Errorf("%s has KillMode=%s", u.Name, mode)
		}
	}
}

// A job that is stopped, with the machine or on purpose, has failed at nothing.
func TestAJobThatIsStoppedHasNotFailed(t *testing.T) {
	// SIGTERM itself ends a process that has not come to its handler yet.
	want := strconv.Itoa(int(fault.Interrupted)) + " SIGTERM"
	for _, u := range shipped(t).Services() {
		if u.Name == "bugspark-backup.service" || strings.HasPrefix(u.Name, "bugspark-backup-") {
			if got := u.Values("Service", "SuccessExitStatus"); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: SuccessExitStatus=%v", u.Name, got)
			}
		}
	}
}

// A drill that was killed must not keep the room of everything else until the next one.
func TestAKilledDrillLeavesNoData(t *testing.T) {
	u, err := shipped(t).Unit("bugspark-scratch.service")
	if err != nil {
		t.Fatal(err)
	}
	clears := u.Values("Service", "ExecStopPost")
	if len(clears) != 1 || !strings.HasPrefix(clears[0], "-rm -rf ") || !strings.Contains(clears[0], "/var/lib/"+u.Service.StateDirectory[0]+"/data ") {
		t.Errorf("ExecStopPost=%v", clears)
	}
}
