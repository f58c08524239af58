package machinetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// refusal is a machine or an answers file that setup must not accept.
type refusal struct {
	name    string
	answers string
	prepare string // a script that hurts the machine
	restore string // and one that heals it
	run     string // how to run setup, where not plainly
	status  int
	says    []string // the cause and the next step
}

const runSetup = "bugspark setup --non-interactive --answers /root/answers.yaml"

var refusals = []refusal{
	{name: "not root", run: "setpriv --reuid=65534 --regid=65534 --clear-groups bugspark setup --non-interactive",
		status: 3, says: []string{"must run as root", "sudo"}},
	{name: "a taken port", status: 3, says: []string{"port 443 is taken by systemd-socket", "server.https_port"},
		prepare: "systemd-run -q --unit=squatter systemd-socket-activate -l 443 /bin/cat; while ! ss -ltnH | grep -q :443; do sleep 0.1; done",
		restore: "systemctl stop squatter"},
	{name: "no PostgreSQL", status: 3, says: []string{"no PostgreSQL server is installed", "apt install postgresql"},
		prepare: "mv /usr/lib/postgresql /usr/lib/away", restore: "mv /usr/lib/away /usr/lib/postgresql"},
	{name: "an old PostgreSQL", status: 3, says: []string{"found 13", "15 to 18 will do", "apt install postgresql"},
		prepare: `mv /usr/lib/postgresql /usr/lib/away; mkdir -p /usr/lib/postgresql/13/bin
			printf '#!/bin/sh\necho "postgres (PostgreSQL) 13.20"\n' >/usr/lib/postgresql/13/bin/postgres
			chmod +x /usr/lib/postgresql/13/bin/postgres; cp /usr/lib/postgresql/13/bin/postgres /usr/lib/postgresql/13/bin/initdb`,
		restore: "rm -r /usr/lib/postgresql; mv /usr/lib/away /usr/lib/postgresql"},
	{name: "no MinIO", status: 3, says: []string{"no MinIO server", "apt install bugspark-minio"},
		prepare: "mv /usr/lib/bugspark/minio /usr/lib/bugspark/away", restore: "mv /usr/lib/bugspark/away /usr/lib/bugspark/minio"},
	{name: "an unknown key", answers: "server:\n  nmae: bugs.test\n", status: 2, says: []string{"/root/answers.yaml", "server.nmae", "server.name"}},
	{name: "a wrong type", answers: "proxy:\n  body_limit_mib: plenty\n", status: 2, says: []string{"proxy.body_limit_mib", "plenty"}},
	{name: "a value out of range", answers: "server:\n  https_port: 99999\n", status: 2, says: []string{"server.https_port", "65535"}},
	{name: "no YAML at all", answers: "\x7fELF\x02\x01\x01\x00\x00", status: 2, says: []string{"/root/answers.yaml", "YAML"}},
	{name: "no answers file", run: "bugspark setup --non-interactive --answers /root/nowhere.yaml", status: 3, says: []string{"/root/nowhere.yaml", "no such file"}},
	{name: "no certificate", answers: filesAnswers("/etc/ssl/missing.pem", "/etc/ssl/other.key"), status: 3, says: []string{"/etc/ssl/missing.pem", "no such file"}},
	{name: "a certificate that the proxy may not read", answers: filesAnswers("/etc/ssl/site.pem", "/etc/ssl/locked.key"), status: 3,
		says: []string{"/etc/ssl/locked.key", "bugspark-proxy", "next: bugspark certificate install /etc/ssl/site.pem /etc/ssl/locked.key"}, prepare: "cp /etc/ssl/site.key /etc/ssl/locked.key; chmod 600 /etc/ssl/locked.key", restore: "rm /etc/ssl/locked.key"},
	{name: "a key of another certificate", answers: filesAnswers("/etc/ssl/site.pem", "/etc/ssl/other.key"), status: 3,
		says: []string{"the key does not belong to the certificate", "openssl"}},
	{name: "a certificate for another name", answers: filesAnswers("/etc/ssl/other.pem", "/etc/ssl/other.key"), status: 3,
		says: []string{"not for bugs.test", "other.test", "server.name"}},
	{name: "a full disk", status: 3, says: []string{"/var/lib/bugspark", "MiB free", "larger volume"},
		prepare: "mkdir -p /var/lib/bugspark; mount -t tmpfs -o size=64m tmpfs /var/lib/bugspark", restore: "umount /var/lib/bugspark"},
	{name: "no systemd", run: "unshare -m sh -c 'mount -t tmpfs tmpfs /run/systemd; mount -t tmpfs tmpfs /run/dbus 2>/dev/null; exec " + runSetup + "'",
		status: 3, says: []string{"systemd", "bugspark up"}},
}

func filesAnswers(certificate, key string) string {
	return fmt.Sprintf("server:\n  name: bugs.test\ntls:\n  mode: files\n  certificate: %s\n  key: %s\n", certificate, key)
}

// TestSetupRefusesBeforeItChangesAnything gives setup bad machines and bad
// answers, and then, on the same machine, kills it midway again and again until
// it is through.
func TestSetupRefusesBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"bookworm", "trixie"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := boot(t, release)
			m.Run(t, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "bugspark", "bugspark-minio")
			writePair(t, m, "/etc/ssl/site", "bugs.test")
			writePair(t, m, "/etc/ssl/other", "other.test")
			for _, r := range refusals {
				t.Run(r.name, func(t *testing.T) { r.check(t, m) })
			}
			t.Run("killed on the way", func(t *testing.T) { killedSetupGoesOn(t, m) })
		})
	}
}

func (r refusal) check(t *testing.T, m *machine.Machine) {
	answers := r.answers
	if answers == "" {
		answers = "server:\n  name: bugs.test\n"
	}
	m.Write(t, "/root/answers.yaml", answers)
	if r.prepare != "" {
		m.Shell(t, r.prepare)
		defer m.Shell(t, r.restore)
	}
	before := traces(t, m)
	run := r.run
	if run == "" {
		run = runSetup
	}
	began := time.Now()
	out, status := m.Try("sh", "-c", run)
	t.Logf("%.1f s:\n%s", time.Since(began).Seconds(), out)
	if status != r.status {
		t.Errorf("exit status %d instead of %d", status, r.status)
	}
	for _, text := range r.says {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	if diff := difference(before, traces(t, m)); diff != "" {
		t.Errorf("it changed the machine:\n%s", diff)
	}
}

// traces is everything setup may touch.
func traces(t *testing.T, m *machine.Machine) string {
	t.Helper()
	return m.Shell(t, `
		find /etc/bugspark /etc/systemd /var/lib/bugspark /run/bugspark -printf '%p %u %m %T@\n' 2>/dev/null | sort || true
		systemctl list-units --all --no-legend --plain 'bugspark*' | sort
		systemctl list-unit-files --no-legend --state=enabled 'bugspark*' || true`)
}

// killedSetupGoesOn lets every attempt live a little longer than the one before. None of
// them can say anything, so the first one that is not killed must not have finished.
func killedSetupGoesOn(t *testing.T, m *machine.Machine) {
	m.Write(t, "/root/answers.yaml", "server:\n  name: bugs.test\n")
	kills := 0
	for life := 200 * time.Millisecond; ; life += life / 8 {
		out, status := m.Try("sh", "-c", fmt.Sprintf("exec timeout -s KILL %.2f %s >/dev/full", life.Seconds(), runSetup))
		if status == 1 && strings.Contains(out, "no space left on device") {
			break
		}
		if kills++; (status != 137 && status != -1) || kills > 60 { // -1: nsenter itself became the killed command
			t.Fatalf("attempt %d of %s ended with %d:\n%s", kills, life, status, out)
		}
	}
	t.Logf("setup was killed %d times", kills)
	if kills < 3 {
		t.Errorf("only %d attempts were killed", kills)
	}
	if out := m.Shell(t, runSetup); !strings.Contains(out, "one-time password") {
		t.Errorf("setup went through and told no password:\n%s", out)
	}
	healthy(t, m)
}

// writePair makes a self-signed certificate with its key at path.pem and
// path.key, which everyone may read.
func writePair(t *testing.T, m *machine.Machine, path, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	m.Write(t, path+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	m.Write(t, path+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
