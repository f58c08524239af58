package machinetest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

// TestFilesOfYourOwnComeBack restores a machine whose certificate and settings of
// PostgreSQL are the administrator's: two commands have to be enough.
func TestFilesOfYourOwnComeBack(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	m.Shell(t, `install -d /etc/pki/bugs /etc/bugspark/postgresql.conf.d /srv/backup
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bugs.test -addext subjectAltName=DNS:bugs.test \
			-keyout /etc/pki/bugs/key.pem -out /etc/pki/bugs/certificate.pem 2>/dev/null
		chown root:bugspark-proxy /etc/pki/bugs/key.pem; chmod 640 /etc/pki/bugs/key.pem
		echo "work_mem = '7MB'" >/etc/bugspark/postgresql.conf.d/mine.conf`)
	m.Write(t, "/root/answers.yaml", "server:\n  name: bugs.test\ntls:\n  mode: files\n  certificate: /etc/pki/bugs/certificate.pem\n  key: /etc/pki/bugs/key.pem\nbackup:\n  target: /srv/backup\n")
	m.Run(t, "bugspark", "setup", "--non-interactive", "--answers", "/root/answers.yaml")
	confirmKit(t, m)
	firstSet(t, m) // which a unit takes that may not read the key
	archived(t, m)
	if out := m.Shell(t, "bugspark restore --set latest --into /srv/looked-into >/dev/null; cd /srv/looked-into/config; ls tls postgresql.conf.d; systemctl cat bugspark-backup.service | tail -n 8"); !strings.Contains(out, "key.pem") || !strings.Contains(out, "mine.conf") {
		t.Fatalf("the set has\n%s", out)
	}
	kit := m.Run(t, "bugspark", "backup", "kit")
	// What root writes of a set comes below /etc/bugspark alone.
	look := func(m *machine.Machine, dir, port string) string {
		return m.Shell(t, `cd `+dir+`; sha256sum *.pem; stat -c '%n %A %U %G' *.pem
			curl -sSf --cacert certificate.pem --resolve bugs.test:`+port+`:127.0.0.1 https://bugs.test:`+port+`/health | grep -o '"ok"\|healthy' | head -n 1
			cd /; setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups psql -h /run/bugspark/postgresql -U postgres -Atc 'SHOW work_mem' bugspark`)
	}
	before := look(m, "/etc/pki/bugs", "443")
	if !strings.Contains(before, "7MB") {
		t.Errorf("before: %s", before)
	}
	m.Kill(t)

	n := installed(t, "bookworm")
	n.Copy(t, filepath.Join(m.Root(), "srv/backup"), "/srv/backup")
	n.Write(t, "/root/kit.txt", kit)
	// The new machine has another program at 443, so a setting has to differ, and stays so.
	n.Shell(t, `systemd-run --quiet --unit=other-program --socket-property=ListenStream=443 /bin/true`)
	restore := []string{"bugspark", "restore", "--kit", "/root/kit.txt", "--set", "latest", "--yes"}
	if out, status := n.Try(restore...); status != 3 || !strings.Contains(out, "next: add --set-config server.https_port=8443") {
		t.Errorf("a port that is taken: %d %s", status, out)
	}
	restore = append(restore, "--set-config", "server.https_port=8443")
	// A restore that fails midway is gone on with, and nothing sets up an empty server.
	n.Shell(t, `mkdir -p /etc/systemd/system/bugspark-minio.service.d; printf '[Service]\nExecStartPre=/bin/false\n' >/etc/systemd/system/bugspark-minio.service.d/60-broken.conf; systemctl daemon-reload`)
	if out, status := n.Try(restore...); status != 1 {
		t.Errorf("without an object store restore ends with %d: %s", status, out)
	}
	n.Shell(t, "find /srv/backup -type f -exec sha256sum {} + >/root/target")
	for _, command := range []string{"setup --non-interactive", "apply", "plan"} {
		if out, status := n.Try("sh", "-c", "bugspark "+command); status != 3 || !strings.Contains(out, "has not finished") || !strings.Contains(out, "next: run the same 'bugspark restore --kit FILE ...' again") {
			t.Errorf("%s ends with %d: %s", command, status, out)
		}
	}
	if out, _ := n.Try("bugspark", "status"); !strings.Contains(out, "the restore of this machine to set ") || strings.Contains(out, "everybody is served") || strings.Contains(out, "bugspark setup") {
		t.Errorf("status says %s", out)
	}
	n.Shell(t, "sha256sum --quiet -c /root/target; rm /etc/systemd/system/bugspark-minio.service.d/60-broken.conf; systemctl daemon-reload")
	t.Log(n.Run(t, restore...))
	if out := n.Shell(t, "bugspark config get server.https_port; grep -n https_port /etc/bugspark/bugspark.yaml; bugspark plan"); !strings.HasPrefix(out, "8443") || !strings.Contains(out, "https_port: 8443") || !strings.Contains(out, "Nothing to change") {
		t.Errorf("the setting of the new machine: %s", out)
	}
	if after := look(n, "/etc/bugspark/tls", "8443"); after != before {
		t.Errorf("afterwards\n%s\nbefore\n%s", after, before)
	}
	runs(t, n)
}
