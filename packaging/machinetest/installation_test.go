package machinetest

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/bugspark/bugspark/internal/browser"
	"github.com/bugspark/bugspark/internal/machine"
)

// TestInstallation is the life of an installation on a clean machine of each
// release: installed, set up, used, hurt, removed, purged.
func TestInstallation(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"bookworm", "trixie"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := boot(t, release)
			m.Run(t, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql")
			before := inventory(t, m)
			m.Run(t, "apt-get", "install", "-y", "-qq", "bugspark")

			if !t.Run("installing starts and enables nothing", func(t *testing.T) { nothingRuns(t, m) }) {
				return
			}
			var s *site
			if !t.Run("setup makes a healthy server", func(t *testing.T) { s = setUpWith(t, m, ""); healthy(t, m) }) {
				return
			}
			t.Run("status tells well from trouble", func(t *testing.T) { statusTells(t, m) })
			t.Run("units verify and are sandboxed", func(t *testing.T) { unitsAreSandboxed(t, m) })
			t.Run("a second apply changes nothing", func(t *testing.T) { applyIsIdle(t, m) })
			t.Run("a report with a picture comes back as it was sent", func(t *testing.T) { pictureReturns(t, m, s) })
			t.Run("a visitor of another site reports a bug", func(t *testing.T) { visitorReports(t, m, s) })
			t.Run("the first report of the documentation arrives", func(t *testing.T) { documentedReport(t, m, s) })
			t.Run("restarts under load fail no request", func(t *testing.T) { restartsFailNothing(t, m, s) })
			t.Run("killed services come back and lose nothing", func(t *testing.T) { killsLoseNothing(t, m, s) })
			t.Run("people hear of a service that fails", func(t *testing.T) { failuresAreTold(t, m) })
			t.Run("a power cut loses nothing", func(t *testing.T) { powerCutLosesNothing(t, m, s) })
			t.Run("removing keeps the data, purging removes all", func(t *testing.T) { removeAndPurge(t, m, s, before) })
		})
	}
}

func nothingRuns(t *testing.T, m *machine.Machine) {
	if out := m.Run(t, "systemctl", "list-units", "--all", "--no-legend", "--plain", "--state=active,activating,failed", "bugspark*"); strings.TrimSpace(out) != "" {
		t.Errorf("after the installation there are:\n%s", out)
	}
	if out := m.Shell(t, "systemctl list-unit-files --no-legend --state=enabled 'bugspark*' || true"); strings.TrimSpace(out) != "" {
		t.Errorf("after the installation these are enabled:\n%s", out)
	}
}

func healthy(t *testing.T, m *machine.Machine) {
	if out := m.Run(t, "curl", "-sS", "--fail", "--cacert", "/etc/bugspark/ca.pem", "--resolve", "bugs.test:443:127.0.0.1", "https://bugs.test/health"); !strings.Contains(out, `"healthy"`) {
		t.Errorf("/health says %s", out)
	}
	if out := m.Run(t, "systemctl", "--failed", "--no-legend"); strings.TrimSpace(out) != "" {
		log, _ := m.Try("journalctl", "--no-pager", "-q", "-p", "err", "-n", "40")
		t.Errorf("failed units:\n%s\n%s", out, log)
	}
	var status struct {
		State     string
		Attention []string
		Healthy   bool
		Units     []struct {
			Name    string
			Healthy bool
		}
	}
	out, exit := m.Try("bugspark", "status", "--json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		t.Fatalf("%v: %d %s", err, exit, out)
	}
	// 0, or 5 where the backups die with the machine.
	if want := map[bool]int{true: 0, false: 5}[status.State == "healthy"]; exit != want {
		t.Errorf("status ends with %d in the state %s: %v", exit, status.State, status.Attention)
	}
	if !status.Healthy || len(status.Units) < 12 {
		t.Errorf("status %+v", status)
	}
	// The distribution's own cluster listens on 5432 and is none of ours.
	pid := strings.TrimSpace(m.Run(t, "systemctl", "show", "-p", "MainPID", "--value", "bugspark-postgres.service"))
	for line := range strings.Lines(m.Run(t, "ss", "-ltnpH")) {
		if strings.Contains(line, "minio") || strings.Contains(line, "pid="+pid+",") {
			t.Errorf("a service of ours listens on TCP: %s", line)
		}
	}
	if out, status := m.Try("curl", "-sS", "-m", "3", "http://127.0.0.1:9000/minio/health/live"); status == 0 {
		t.Errorf("MinIO answers on the machine's loopback: %s", out)
	}
}

// statusTells: 5 for a server that needs attention, 1 for one with a service down.
func statusTells(t *testing.T, m *machine.Machine) {
	if out, status := m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "runs, but NEEDS ATTENTION") || !strings.Contains(out, "DIE WITH THIS MACHINE") || !strings.Contains(out, "NOBODY CAN READ") {
		t.Errorf("with backups on this machine: %d\n%s", status, out)
	}
	m.Run(t, "systemctl", "stop", "bugspark-dashboard.socket", "bugspark-dashboard.service")
	if out, status := m.Try("bugspark", "status"); status != 1 || !strings.Contains(out, "is NOT HEALTHY") || !strings.Contains(out, "! inactive") {
		t.Errorf("without the dashboard: %d\n%s", status, out)
	}
	m.Run(t, "systemctl", "start", "bugspark-dashboard.socket", "bugspark-dashboard.service")
}

func unitsAreSandboxed(t *testing.T, m *machine.Machine) {
	out := m.Shell(t, `cd /usr/lib/systemd/system
		for unit in bugspark*.*; do [ ! -f "$unit" ] || systemd-analyze verify "./$unit" 2>&1; done
		[ -f bugspark-.service.d/10-sandbox.conf ]
		for unit in bugspark*.service; do systemd-analyze security --threshold=15 "$unit" >/tmp/score || { echo "$unit:"; tail -n 1 /tmp/score; }; done`)
	if strings.TrimSpace(out) != "" {
		t.Errorf("systemd-analyze says:\n%s", out)
	}
	if out := m.Shell(t, `getent passwd | grep '^bugspark' | grep -v ':/usr/sbin/nologin$' || true; getent shadow | grep '^bugspark' | grep -vE '^[^:]+:[!*]' || true`); strings.TrimSpace(out) != "" {
		t.Errorf("accounts with a shell or a password:\n%s", out)
	}
}

func applyIsIdle(t *testing.T, m *machine.Machine) {
	if out := m.Run(t, "bugspark", "plan"); !strings.Contains(out, "Nothing to change") {
		t.Errorf("plan says:\n%s", out)
	}
	before := stamps(t, m)
	if out := m.Run(t, "bugspark", "apply"); !strings.Contains(out, "Nothing had to be changed") {
		t.Errorf("apply says:\n%s", out)
	}
	after := stamps(t, m)
	for key, was := range before {
		if is := after[key]; is != was {
			t.Errorf("apply touched %s: %q became %q", key, was, is)
		}
	}
	for key := range after {
		if _, was := before[key]; !was {
			t.Errorf("apply made %s", key)
		}
	}
}

// stamps are when the files of the configuration were changed, and when the services
// that stay began. Jobs and the scratch server are not among them: they come and go by
// their timers.
func stamps(t *testing.T, m *machine.Machine) map[string]string {
	t.Helper()
	out := m.Shell(t, `find /etc/bugspark /etc/systemd -printf '%p %T@\n'
		cd /usr/lib/systemd/system
		for unit in $(grep -lE '^Restart=(always|on-failure)' bugspark-*.service | grep -v bugspark-migrate); do
			echo "$unit $(systemctl show -P NRestarts "$unit") $(systemctl show -P ActiveEnterTimestampMonotonic "$unit")"
		done`)
	found := map[string]string{}
	for line := range strings.Lines(out) {
		key, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[key] = rest
	}
	if _, ok := found["bugspark-api.service"]; !ok {
		t.Fatalf("no services in\n%s", out)
	}
	return found
}

func pictureReturns(t *testing.T, m *machine.Machine, s *site) {
	picture := testPicture(t)
	id, err := s.report("the cart shows NaN", s.upload(t, picture))
	if err != nil {
		t.Fatal(err)
	}
	if !s.ids(t)[id] {
		t.Error("the report is not listed")
	}
	s.seesPicture(t, id, picture)
	pictureIsSeen(t, m, s, id)
}

// documentedReport sends the report of docs/installation.md as it stands there.
func documentedReport(t *testing.T, m *machine.Machine, s *site) {
	text, err := os.ReadFile("../../docs/installation.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)    (curl [^\n]*/api/v1/reports \\\n.*?\n)\n`).FindSubmatch(text)
	if found == nil {
		t.Fatal("docs/installation.md sends no report")
	}
	before := len(s.ids(t))
	command := strings.NewReplacer("NAME", "bugs.test", "KEY", s.key).Replace(strings.ReplaceAll(string(found[1]), "X-API-Key", "x-api-k"))
	out := m.Shell(t, strings.ReplaceAll(command, "x-api-k", "X-API-Key"))
	if !strings.Contains(out, `"trackingId":"BUG-`) || len(s.ids(t)) != before+1 {
		t.Errorf("%s: %s", command, out)
	}
}

// seesPicture wants a report's picture as it was sent.
func (s *site) seesPicture(t *testing.T, id string, picture []byte) {
	t.Helper()
	var r struct{ ScreenshotURL, Title string }
	s.must(t, "GET", "/api/v1/reports/"+id, nil, &r)
	resp, err := s.client.Get(r.ScreenshotURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(resp.Body); err != nil || !bytes.Equal(got.Bytes(), picture) {
		t.Errorf("%s: the picture came back as %d bytes instead of %d (%v)", resp.Status, got.Len(), len(picture), err)
	}
}

// pictureIsSeen signs in with a browser and looks at the report.
func pictureIsSeen(t *testing.T, m *machine.Machine, s *site, id string) {
	b := browser.Open(t, browser.Options{Site: s.base, Map: "bugs.test " + m.Addr})
	b.Open("/bugs/" + id)
	b.Fill("[name=username]", s.email)
	b.Fill("[name=password]", s.password)
	b.Keys(kb.Enter)
	b.Sees("the cart shows NaN")
	b.Sees("total is NaN")
	b.Wait(`[...document.querySelectorAll('main img')].some((i) => i.naturalWidth === 640)`)
	b.Shot("installed-report")
}

func testPicture(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for i := range 640 * 400 {
		img.Set(i%640, i/640, color.RGBA{uint8(i), uint8(i >> 3), uint8(i >> 7), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restartsFailNothing(t *testing.T, m *machine.Machine, s *site) {
	for _, name := range []string{"api", "dashboard", "proxy"} {
		l := startLoad(s, "restart "+name)
		l.progress(t, 50)
		for range 2 {
			m.Run(t, "systemctl", "restart", "bugspark-"+name+".service")
			l.progress(t, 50)
		}
		l.end()
		t.Logf("restart of %s: %d requests, slowest %.2f s", name, len(l.acked), l.slowest.Seconds())
		if len(l.failures) > 0 {
			t.Errorf("restarting %s failed %d of %d requests, such as %s", name, len(l.failures), len(l.failures)+len(l.acked), l.failures[0])
		}
		l.stored(t, s)
	}
}

func killsLoseNothing(t *testing.T, m *machine.Machine, s *site) {
	for _, name := range []string{"postgres", "minio", "storage", "api", "dashboard", "proxy"} {
		unit := "bugspark-" + name + ".service"
		l := startLoad(s, "kill "+name)
		l.progress(t, 30)
		pid := mainPID(t, m, unit)
		m.Run(t, "kill", "-9", pid)
		began := time.Now()
		for mainPID(t, m, unit) == pid || !isActive(m, unit) {
			if time.Since(began) > 90*time.Second {
				t.Fatalf("%s did not come back:\n%s", unit, m.Run(t, "systemctl", "show", unit))
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Logf("%s was back after %.1f s", name, time.Since(began).Seconds())
		l.progress(t, 30)
		l.end()
		l.stored(t, s)
	}
}

func mainPID(t *testing.T, m *machine.Machine, unit string) string {
	t.Helper()
	return strings.TrimSpace(m.Run(t, "systemctl", "show", "-p", "MainPID", "--value", unit))
}

func isActive(m *machine.Machine, unit string) bool {
	_, status := m.Try("systemctl", "-q", "is-active", unit)
	return status == 0
}

func powerCutLosesNothing(t *testing.T, m *machine.Machine, s *site) {
	l := startLoad(s, "power cut")
	l.progress(t, 100)
	m.Kill(t)
	l.end()
	m.Start(t)
	s.client.CloseIdleConnections()
	l.stored(t, s)
	healthy(t, m)
}

// failuresAreTold breaks a service until systemd gives it up, and then the alert.
func failuresAreTold(t *testing.T, m *machine.Machine) {
	const dropIn = "/etc/systemd/system/bugspark-dashboard.service.d/90-broken.conf"
	m.Write(t, dropIn, "[Service]\nExecStart=\nExecStart=/bin/false\nRestartSec=10ms\n")
	m.Shell(t, "systemctl daemon-reload; systemctl restart bugspark-dashboard.service || true")
	told := func(what string) bool {
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(200 * time.Millisecond) {
			if out := m.Shell(t, "journalctl --no-pager -q -o cat -u 'bugspark-alert@*' || true"); strings.Contains(out, what) {
				return true
			}
		}
		return false
	}
	if !told("unit=bugspark-dashboard.service") {
		out, _ := m.Try("systemctl", "status", "--no-pager", "bugspark-dashboard.service", "bugspark-alert@*")
		t.Errorf("nobody was told:\n%s", out)
	}
	// An alert that fails is the end of it.
	m.Write(t, "/etc/systemd/system/bugspark-alert@.service.d/90-broken.conf", "[Service]\nExecStart=\nExecStart=/bin/false\n")
	m.Shell(t, "systemctl daemon-reload; systemctl reset-failed bugspark-dashboard.service; systemctl restart bugspark-dashboard.service || true")
	if !told("Failed with result") {
		t.Error("the broken alert did not run")
	}
	if out := m.Run(t, "systemctl", "list-units", "--all", "--no-legend", "--plain", "bugspark-alert@bugspark-alert*"); strings.TrimSpace(out) != "" {
		t.Errorf("an alert about an alert:\n%s", out)
	}
	m.Shell(t, "rm -r /etc/systemd/system/bugspark-dashboard.service.d /etc/systemd/system/bugspark-alert@.service.d; systemctl daemon-reload; systemctl reset-failed 'bugspark*'; systemctl restart bugspark-dashboard.service")
	// What is over is told as well, by the review that a timer starts.
	m.Run(t, "systemctl", "start", "bugspark-alert@review.service")
	if !told("a problem is over") {
		t.Errorf("nobody was told that it is over:\n%s", m.Run(t, "journalctl", "--no-pager", "-q", "-o", "cat", "-u", "bugspark-alert@*"))
	}
	healthy(t, m)
}
