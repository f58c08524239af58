package machinetest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

// TestAnAdministratorStumbles does on one machine what an administrator does who follows
// the documentation, the remedies that errors name, and sometimes neither.
func TestAnAdministratorStumbles(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	out := m.Run(t, "bugspark", "setup", "--non-interactive", "--answers", writeAnswers(t, m, "server:\n  name: bugs.test\n"))
	t.Run("what setup says fits a screen and ends with what counts", func(t *testing.T) {
		if n := strings.Count(out, "\n"); n > 24 || !regexp.MustCompile(`(?s)runs at +https://bugs.test\n.*one-time password .*\n! .*\nNext: bugspark status\n$`).MatchString(out) {
			t.Errorf("%d lines:\n%s", n, out)
		}
	})
	t.Run("a request for a set needs no inotify", func(t *testing.T) { requestsAreHeard(t, m) })
	t.Run("stopping waits, and is said", func(t *testing.T) { stoppingWaits(t, m) })
	t.Run("a helper that cannot start keeps nobody from being served", func(t *testing.T) { helpersStandBeside(t, m) })
	t.Run("a key that only root may read", func(t *testing.T) { keysAreCopied(t, m) })
	t.Run("an edit that is not applied changes nothing", func(t *testing.T) { editsWait(t, m) })
	t.Run("a port that changes with something broken", func(t *testing.T) { brokenPortsComeBack(t, m) })
	t.Run("another database begins empty and says so", func(t *testing.T) { dataStays(t, m) })
}

func writeAnswers(t *testing.T, m *machine.Machine, yaml string) string {
	m.Write(t, "/root/answers.yaml", yaml)
	return "/root/answers.yaml"
}

// answers wants the server to answer at a port of its own.
func answers(t *testing.T, m *machine.Machine, port string) {
	t.Helper()
	m.Shell(t, `for i in $(seq 900); do curl -kfs --resolve bugs.test:`+port+`:127.0.0.1 https://bugs.test:`+port+`/health && exit; sleep 0.2; done; bugspark status; exit 1`)
}

func requestsAreHeard(t *testing.T, m *machine.Machine) {
	if out := m.Shell(t, "systemctl list-units --all --no-legend 'bugspark*.path'"); strings.TrimSpace(out) != "" {
		t.Errorf("units that need inotify:\n%s", out)
	}
	if out, _ := m.Try("sh", "-c", "journalctl -b | grep -i 'ordering cycle'"); out != "" {
		t.Errorf("systemd found circles:\n%s", out)
	}
	m.Shell(t, `for i in $(seq 1500); do [ -s /var/lib/bugspark/backup/last-set.json ] && [ -s /var/lib/bugspark/backup/last-drill.json ] && exit; sleep 0.2; done
		systemctl status --no-pager 'bugspark-backup*' >&2; exit 1`)
	// Requests while nobody takes them wait, and many become one.
	if out := m.Shell(t, `systemctl show -p Result,ActiveState bugspark-backup.socket bugspark-backup-drill.socket`); strings.Count(out, "Result=success") != 2 || strings.Count(out, "ActiveState=active") != 2 {
		t.Errorf("the sockets:\n%s", out)
	}
	// An account that is none of the backups' may not ask.
	const cannotConnect = 7
	if out, status := m.Try("setpriv", "--reuid=bugspark-api", "--regid=bugspark-api", "--clear-groups", "curl", "-sS", "-m", "10", "--unix-socket", "/run/bugspark/backup-wanted.sock", "http://backup/"); status != cannotConnect {
		t.Errorf("the API's account asked for a set (%d): %s", status, out)
	}
}

func stoppingWaits(t *testing.T, m *machine.Machine) {
	m.Shell(t, "systemctl start --no-block bugspark-backup-drill.service; for i in $(seq 100); do systemctl is-active --quiet bugspark-scratch.service && break; sleep 0.1; done")
	m.Run(t, "systemctl", "stop", "bugspark.target")
	if out := m.Shell(t, "systemctl list-units --no-legend --plain --state=active,activating,deactivating 'bugspark*' | grep -v slice || true; ps -u bugspark-postgres,bugspark-api,bugspark-proxy,bugspark-minio -o comm= || true"); strings.TrimSpace(out) != "" {
		t.Errorf("when the stop had ended there was still:\n%s", out)
	}
	if out, status := m.Try("bugspark", "status"); status != 1 || !strings.Contains(out, "is STOPPED: 'systemctl start bugspark.target' starts it") {
		t.Errorf("status ends with %d and says\n%s", status, out)
	}
	if out := m.Shell(t, "systemctl show -p Result --value bugspark-backup-drill.service bugspark-scratch.service"); strings.ReplaceAll(strings.TrimSpace(out), "\n", "") != "successsuccess" {
		t.Errorf("a drill that was under way: %s", out)
	}
	// A job in its first milliseconds has no handler for the signal.
	m.Shell(t, `mkdir -p /etc/systemd/system/bugspark-backup-verify.service.d
		printf '[Service]\nExecStart=\nExecStart=/bin/sleep 60\n' >/etc/systemd/system/bugspark-backup-verify.service.d/60-sleep.conf; systemctl daemon-reload
		systemctl start --no-block bugspark-backup-verify.service; sleep 1; systemctl stop bugspark.target`)
	if out := m.Shell(t, `systemctl show -p Result,ActiveState --value bugspark-backup-verify.service
		rm /etc/systemd/system/bugspark-backup-verify.service.d/60-sleep.conf; systemctl daemon-reload`); strings.Join(strings.Fields(out), " ") != "success inactive" {
		t.Errorf("a job that was stopped at once: %s", out)
	}
	m.Run(t, "systemctl", "start", "bugspark.target")
	answers(t, m, "443")
	// A set under way when the database is restarted, as by apply, is begun again.
	if out := m.Shell(t, `printf '[Service]\nExecStart=\nExecStart=/bin/sleep 60\n' >/etc/systemd/system/bugspark-backup.service.d/60-sleep.conf; systemctl daemon-reload
		since=$(date '+%F %T'); systemctl start --no-block bugspark-backup.service; sleep 1; systemctl restart bugspark-postgres.service; sleep 1
		systemctl show -p ActiveState --value bugspark-backup.service; journalctl -q --since "$since" -u bugspark-backup.service | grep -i 'failed' || true
		rm /etc/systemd/system/bugspark-backup.service.d/60-sleep.conf; systemctl daemon-reload; systemctl stop bugspark-backup.service 2>/dev/null`); strings.TrimSpace(out) != "activating" {
		t.Errorf("a set while the database was restarted: %s", out)
	}
	answers(t, m, "443")
	m.Shell(t, "for i in $(seq 300); do [ -z \"$(systemctl list-jobs --no-legend 'bugspark*')\" ] && exit; sleep 0.2; done; systemctl list-jobs >&2; exit 1")
	if out := m.Run(t, "bugspark", "plan"); !strings.Contains(out, "Nothing to change") {
		t.Errorf("after the start waits:\n%s", out)
	}
}

func helpersStandBeside(t *testing.T, m *machine.Machine) {
	m.Shell(t, `systemctl stop bugspark.target
		mkdir -p /etc/systemd/system/bugspark-backup.socket.d
		printf '[Socket]\nExecStartPre=/bin/false\n' >/etc/systemd/system/bugspark-backup.socket.d/60-broken.conf; systemctl daemon-reload`)
	out, status := m.Try("bugspark", "apply")
	if status != 5 || !strings.Contains(out, "everybody is served, but of the rest not everything runs") || !strings.Contains(out, "start of bugspark-backup.socket") || !strings.Contains(out, "next: journalctl -u bugspark-backup.socket -e") {
		t.Errorf("apply ends with %d and says\n%s", status, out)
	}
	answers(t, m, "443")
	if out, status := m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "! bugspark-backup.socket does not run, though everybody is served") {
		t.Errorf("status ends with %d and says\n%s", status, out)
	}
	m.Shell(t, `rm -r /etc/systemd/system/bugspark-backup.socket.d/60-broken.conf; systemctl daemon-reload; bugspark apply`)
}

// keysAreCopied obeys the remedy to the letter, with a key where the distribution keeps
// those of its own programs.
func keysAreCopied(t *testing.T, m *machine.Machine) {
	writePair(t, m, "/etc/ssl/site", "bugs.test")
	m.Shell(t, `apt-get install -y -qq ssl-cert >/dev/null 2>&1 || { mkdir -p /etc/ssl/private; chmod 0710 /etc/ssl/private; }
		mv /etc/ssl/site.key /etc/ssl/private/site.key; chmod 0600 /etc/ssl/private/site.key; chown root:root /etc/ssl/private/site.key
		printf 'tls:\n  mode: files\n  certificate: /etc/ssl/site.pem\n  key: /etc/ssl/private/site.key\n' >>/etc/bugspark/bugspark.yaml`)
	modes := func() string {
		return m.Shell(t, "stat -c '%n %a %U:%G' /etc/ssl /etc/ssl/private /etc/ssl/private/site.key")
	}
	before := modes()
	out, status := m.Try("bugspark", "apply")
	remedy := regexp.MustCompile(`next: (bugspark certificate install [^ ,]+ [^ ,]+)`).FindStringSubmatch(out)
	if status != 3 || remedy == nil {
		t.Fatalf("apply ends with %d and says\n%s", status, out)
	}
	m.Shell(t, remedy[1]+" && bugspark apply")
	answers(t, m, "443")
	if out := m.Shell(t, "openssl s_client -connect 127.0.0.1:443 -servername bugs.test </dev/null 2>/dev/null | openssl x509 -noout -fingerprint; openssl x509 -noout -fingerprint -in /etc/ssl/site.pem"); func() bool { l := strings.Fields(out); return len(l) != 4 || l[1] != l[3] }() {
		t.Errorf("another certificate is served:\n%s", out)
	}
	if after := modes(); after != before {
		t.Errorf("what is the distribution's was changed:\n%s%s", before, after)
	}
	if out := m.Shell(t, "stat -c '%a %U:%G' /etc/bugspark/tls /etc/bugspark/tls/key.pem"); out != "755 root:root\n640 root:bugspark-proxy\n" {
		t.Errorf("the copy: %s", out)
	}
	// A renewed one needs no apply.
	writePair(t, m, "/root/renewed", "bugs.test")
	m.Run(t, "bugspark", "certificate", "install", "/root/renewed.pem", "/root/renewed.key")
	renewed := m.Run(t, "openssl", "x509", "-noout", "-fingerprint", "-in", "/root/renewed.pem")
	eventually(t, "the renewed certificate is served", func() bool {
		served, _ := m.Try("sh", "-c", "openssl s_client -connect 127.0.0.1:443 -servername bugs.test </dev/null 2>/dev/null | openssl x509 -noout -fingerprint")
		return strings.TrimSpace(served) == strings.TrimSpace(renewed)
	})
	m.Shell(t, "systemctl restart postgresql; systemctl start bugspark-backup.service")
}

func editsWait(t *testing.T, m *machine.Machine) {
	_, before := m.Try("bugspark", "status")
	m.Shell(t, `cp /etc/bugspark/bugspark.yaml /root/good.yaml; cp /root/good.yaml /root/edit.yaml
		printf 'database:\n  mode: external\nlimits:\n  picture_mib: 3\n' >>/etc/bugspark/bugspark.yaml
		printf 'postgres://nobody@/nothing?host=/nowhere' >/etc/bugspark/credentials/database-dsn`)
	out, status := m.Try("bugspark", "status")
	if status != before || strings.Contains(out, "NOT HEALTHY") || !strings.Contains(out, "An edit of /etc/bugspark/bugspark.yaml is not applied yet (database.mode, limits.picture_mib)") {
		t.Errorf("status ends with %d instead of %d and says\n%s", status, before, out)
	}
	m.Run(t, "bugspark", "user", "create", "--email", "ada@bugs.test", "--name", "Ada")
	m.Shell(t, "systemctl kill -s KILL bugspark-api.service; systemctl restart bugspark-api.service; systemctl start bugspark-backup.service")
	answers(t, m, "443")
	if out, status := m.Try("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "bugspark", "status"); status != 5 && status != 0 {
		t.Errorf("for others status ends with %d and says\n%s", status, out)
	}
	if out := m.Shell(t, "stat -c '%a %U:%G' /var/lib/bugspark /var/lib/bugspark/applied.yaml"); out != "755 root:root\n644 root:root\n" {
		t.Errorf("what is in force: %s", out)
	}
	m.Shell(t, "cp /root/good.yaml /etc/bugspark/bugspark.yaml; : >/etc/bugspark/credentials/database-dsn")
}

// brokenPortsComeBack has the API refuse to start with the port that the edit names.
func brokenPortsComeBack(t *testing.T, m *machine.Machine) {
	m.Shell(t, `cp /etc/bugspark/bugspark.yaml /root/good.yaml
		systemd-run --quiet --unit=other-program --socket-property=ListenStream=8444 /bin/true
		sed -i 's/^  name: bugs.test/&\n  https_port: 8444/' /etc/bugspark/bugspark.yaml`)
	for _, command := range []string{"plan", "apply"} {
		if out, status := m.Try("bugspark", command); status != 3 || !strings.Contains(out, "port 8444 is taken by systemd (process 1)") || !strings.Contains(out, "next: set server.https_port to another one") {
			t.Errorf("%s ends with %d and says\n%s", command, status, out)
		}
	}
	m.Shell(t, `systemctl stop other-program.socket; cp /root/good.yaml /etc/bugspark/bugspark.yaml
		mkdir -p /etc/systemd/system/bugspark-api.service.d
		printf '[Service]\nExecStartPre=/bin/sh -c "! grep -q 8443 /var/lib/bugspark/applied.yaml"\n' >/etc/systemd/system/bugspark-api.service.d/60-broken.conf
		systemctl daemon-reload; sed -i 's/^  name: bugs.test/&\n  https_port: 8443/' /etc/bugspark/bugspark.yaml`)
	out, status := m.Try("bugspark", "apply")
	if status != 1 || !strings.Contains(out, "so the previous one is back; the new one is kept as /etc/bugspark/bugspark.yaml.refused") || !strings.Contains(out, "next: correct /etc/bugspark/bugspark.yaml.refused, then: mv") {
		t.Errorf("apply ends with %d and says\n%s", status, out)
	}
	answers(t, m, "443")
	m.Shell(t, "cmp /root/good.yaml /etc/bugspark/bugspark.yaml; grep -q 8443 /etc/bugspark/bugspark.yaml.refused; rm /etc/systemd/system/bugspark-api.service.d/60-broken.conf; systemctl daemon-reload; bugspark apply")
	// With the cause mended the remedy works as it is written.
	m.Shell(t, "mv /etc/bugspark/bugspark.yaml.refused /etc/bugspark/bugspark.yaml && bugspark apply")
	answers(t, m, "8443")
	m.Shell(t, "cp /root/good.yaml /etc/bugspark/bugspark.yaml; bugspark apply")
	answers(t, m, "443")
}

// dataStays moves from our database to the distribution's server and back.
func dataStays(t *testing.T, m *machine.Machine) {
	m.Shell(t, `until su postgres -c 'psql -qc "SELECT 1"'; do sleep 0.5; done; su postgres -c "psql -qc \"CREATE ROLE bugspark LOGIN PASSWORD 'secret'\" -c 'CREATE DATABASE bugspark OWNER bugspark'"
		printf 'postgres://bugspark:secret@127.0.0.1:5432/bugspark?sslmode=disable' >/etc/bugspark/credentials/database-dsn
		cp /etc/bugspark/bugspark.yaml /root/good.yaml; printf 'database:\n  mode: external\n' >>/etc/bugspark/bugspark.yaml`)
	for _, command := range []string{"plan", "apply"} {
		if out, status := m.Try("bugspark", command); status != 3 || !strings.Contains(out, "the reports and accounts are in our PostgreSQL in /var/lib/bugspark/postgres") || !strings.Contains(out, "next: bugspark apply --start-empty") {
			t.Errorf("%s ends with %d and says\n%s", command, status, out)
		}
	}
	if out, status := m.Try("bugspark", "apply", "--start-empty"); status != 0 || !strings.Contains(out, "leave reports and accounts") {
		t.Errorf("apply --start-empty ends with %d and says\n%s", status, out)
	}
	if out, _ := m.Try("bugspark", "status"); strings.Contains(out, "Last proven backup") {
		t.Errorf("a set from before proves something:\n%s", out)
	}
	if out, status := m.Try("bugspark", "backup", "drill"); status == 0 && strings.Contains(out, "PASSED") && !strings.Contains(m.Read(t, "/var/lib/bugspark/backup/last-set.json"), "logical") {
		t.Logf("the drill after the change says %d:\n%s", status, out)
	}
	// The same mode, and a connection string that leads elsewhere.
	m.Run(t, "bugspark", "user", "create", "--email", "first@bugs.test", "--name", "First", "--superadmin")
	m.Shell(t, `su postgres -c "psql -qc 'CREATE DATABASE elsewhere OWNER bugspark'"; sed -i s,/bugspark?,/elsewhere?, /etc/bugspark/credentials/database-dsn`)
	if out, status := m.Try("bugspark", "apply"); status != 3 || !strings.Contains(out, "a change of the credential database-dsn moves no data") {
		t.Errorf("another connection string: %d %s", status, out)
	}
	m.Shell(t, "sed -i s,/elsewhere?,/bugspark?, /etc/bugspark/credentials/database-dsn; bugspark apply")
	m.Shell(t, "cp /root/good.yaml /etc/bugspark/bugspark.yaml; bugspark apply --start-empty; bugspark user create --email again@bugs.test --name Again")
	if out, status := m.Try("bugspark", "user", "create", "--email", "ada@bugs.test", "--name", "Ada"); status != 1 || !strings.Contains(out, "has an account already") || !strings.Contains(out, "next: bugspark user reset-password --email ada@bugs.test") {
		t.Errorf("the accounts from before are not back: %d %s", status, out)
	}
}
