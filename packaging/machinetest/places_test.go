package machinetest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// sftpServer is OpenSSH as storage administrators set it up: an account that is
// locked into a directory and has no shell.
const sftpServer = `apt-get install -y -qq --no-install-recommends openssh-server >/dev/null
	useradd --system --no-create-home --shell /usr/sbin/nologin vault
	mkdir -p /srv/sftp/backup /etc/ssh/keys; chown vault /srv/sftp/backup
	cat >>/etc/ssh/sshd_config <<'END'
Match User vault
	ChrootDirectory /srv/sftp
	ForceCommand internal-sftp
	AuthorizedKeysFile /etc/ssh/keys/%u
END
	systemctl restart ssh`

// s3Service is a MinIO of somebody else's.
const s3Service = `mkdir -p /srv/s3; cp /usr/lib/bugspark/minio /srv/customers-s3; systemd-run -q --unit=s3 -p WorkingDirectory=/srv -E HOME=/srv -E MINIO_ROOT_USER=the-access-key -E MINIO_ROOT_PASSWORD=the-secret-key \
		/srv/customers-s3 server --quiet --address 127.0.0.1:9100 /srv/s3
	until curl -sf http://127.0.0.1:9100/minio/health/live; do sleep 0.2; done`

// TestTargetsElsewhere keeps the backups on an SFTP server and a copy of them in
// a bucket, and brings everything back from the copy alone.
func TestTargetsElsewhere(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	s := setUp(t, m)
	m.Shell(t, sftpServer)
	m.Shell(t, s3Service+`
		curl -sSf --retry 30 --retry-delay 1 --aws-sigv4 aws:amz:us-east-1:s3 -u the-access-key:the-secret-key -X PUT http://127.0.0.1:9100/backups`)

	kit := backupsElsewhere(t, m)
	picture := testPicture(t)
	shown, err := s.report("with a picture", s.upload(t, picture))
	if err != nil {
		t.Fatal(err)
	}
	l := startLoad(s, "until the end")
	l.progress(t, 100)
	t.Log(m.Run(t, "bugspark", "backup", "create"))
	if r, _ := drill(t, m); !r.Passed {
		t.Errorf("drill: %+v", r.Failures)
	}
	serverComesBack(t, m)
	through := archived(t, m)
	t.Log(m.Run(t, "bugspark", "backup", "copy"))
	if out := m.Run(t, "bugspark", "backup", "copy"); !strings.Contains(out, "let 0 go") && !strings.Contains(out, "Copied") {
		t.Errorf("a second copy: %s", out)
	}
	m.Run(t, "systemctl", "start", "bugspark-backup-copy.service", "bugspark-backup-verify.service", "bugspark-backup-prune.service", "bugspark-backup-check.service")
	m.Run(t, "bugspark", "backup", "verify", "--copy")
	if out := m.Run(t, "bugspark", "backup", "drill", "--copy"); !strings.Contains(out, "PASSED") {
		t.Errorf("drill of the copy:\n%s", out)
	}
	healthy(t, m)
	l.end()
	m.Kill(t)

	n := boot(t, "trixie")
	n.Copy(t, filepath.Join(m.Root(), "srv/s3"), "/srv/s3")
	n.Write(t, "/root/kit.txt", kit)
	n.Run(t, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql")
	n.Run(t, "apt-get", "install", "-y", "-qq", "bugspark")
	n.Shell(t, s3Service)
	if out, status := n.Try("bugspark", "restore", "--kit", "/root/kit.txt", "--set", "latest", "--yes"); status != 3 || !strings.Contains(out, "does not answer") {
		t.Errorf("from the server that is gone: %d %s", status, out)
	}
	began := time.Now()
	t.Log(n.Run(t, "bugspark", "restore", "--kit", "/root/kit.txt", "--copy", "--set", "latest", "--yes"))
	t.Logf("restored from the copy in %.1f s", time.Since(began).Seconds())
	s.move(t, n)
	l.recovered(t, s, through)
	s.seesPicture(t, shown, picture)
	healthy(t, n)
	archived(t, n) // into the bucket, which is the first target now
	if out := n.Run(t, "grep", "-A3", "^backup:", "/etc/bugspark/bugspark.yaml"); !strings.Contains(out, "s3://backups/bugspark") || strings.Contains(out, "copy:") {
		t.Errorf("the configuration says\n%s", out)
	}
}

// backupsElsewhere walks the way an administrator is led, from refusal to
// refusal, and returns the kit.
func backupsElsewhere(t *testing.T, m *machine.Machine) string {
	t.Helper()
	setTarget(t, m, "sftp://vault@127.0.0.1/backup")
	refused := func(want string) string {
		t.Helper()
		out, status := m.Try("bugspark", "apply")
		if status != 3 || !strings.Contains(out, want) {
			t.Fatalf("want %q: %d %s", want, status, out)
		}
		return out
	}
	refused("bugspark backup ssh-key")
	m.Write(t, "/etc/ssh/keys/vault", m.Run(t, "bugspark", "backup", "ssh-key"))
	out := refused("backup.host_key")
	key := regexp.MustCompile(`ssh-[a-z0-9]+ \S+|ecdsa-\S+ \S+`).FindString(out)
	m.Write(t, "/root/key", "  host_key: "+key+"\n")
	m.Shell(t, "cat /root/key >>/etc/bugspark/bugspark.yaml; mv /etc/ssh/keys/vault /root/")
	refused("authorized_keys")
	m.Shell(t, `mv /root/vault /etc/ssh/keys/
		printf '  copy:\n    target: s3://backups/bugspark\n    endpoint: http://127.0.0.1:9100\n' >>/etc/bugspark/bugspark.yaml`)
	refused("copy-access-key")
	m.Shell(t, `cd /etc/bugspark/credentials; echo the-access-key >copy-access-key; echo the-secret-key >copy-secret-key
		bugspark apply`)
	confirmKit(t, m)
	if out := m.Run(t, "bugspark", "apply"); !strings.Contains(out, "othing") {
		t.Errorf("a third apply: %s", out)
	}
	firstSet(t, m)
	archived(t, m)
	m.Run(t, "bugspark", "backup", "check")
	if !isActive(m, "bugspark-backup-copy.timer") {
		t.Error("the copy's timer does not run")
	}
	for _, secret := range []string{"the-secret-key", "OPENSSH PRIVATE KEY"} {
		if out := m.Shell(t, `grep -rls --exclude-dir=rescue --exclude=s3.service "`+secret+`" /var/lib/bugspark /etc/systemd /run/systemd /srv/sftp /srv/s3 || true`); out != "" {
			t.Errorf("%s stands in\n%s", secret, out)
		}
	}
	return m.Run(t, "bugspark", "backup", "kit")
}

// serverComesBack takes the SFTP server away for a while.
func serverComesBack(t *testing.T, m *machine.Machine) {
	t.Helper()
	m.Shell(t, "systemctl stop ssh; pkill sshd-session || true; pkill -u vault || true")
	eventually(t, "the news of it", func() bool {
		out, status := m.Try("bugspark", "backup", "check")
		return status == 1 && strings.Contains(out, "is away")
	})
	m.Run(t, "systemctl", "start", "ssh")
	archived(t, m)
	m.Run(t, "bugspark", "backup", "check")
}
