package machinetest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// customersServices are a PostgreSQL server and an S3 service that are not ours. The
// server is made anew, as the one that came with the disk has the system identifier that
// the servers of all other machines have.
const customersServices = s3Service + `
	pg_lsclusters -h | { read major name rest; pg_dropcluster --stop "$major" "$name"; pg_createcluster --start "$major" "$name"; } >/dev/null
	curl -sSf --retry 30 --retry-delay 1 --aws-sigv4 aws:amz:us-east-1:s3 -u the-access-key:the-secret-key -X PUT http://127.0.0.1:9100/pictures
	cd /; until setpriv --reuid=postgres --regid=postgres --clear-groups psql -qc "CREATE ROLE customer LOGIN PASSWORD 'database-secret'"; do sleep 0.5; done
	setpriv --reuid=postgres --regid=postgres --clear-groups psql -qc "CREATE DATABASE customer OWNER customer"`

const customersSecrets = `install -d -m 700 /etc/bugspark/credentials; cd /etc/bugspark/credentials; umask 077
	echo 'postgres://customer:database-secret@127.0.0.1:5432/customer?sslmode=prefer' >database-dsn
	echo the-access-key >storage-access-key; echo the-secret-key >storage-secret-key`

// TestYourOwnDatabaseAndStorage backs up a server whose data lives in services of
// the customer's, and brings it back into empty ones.
func TestYourOwnDatabaseAndStorage(t *testing.T) {
	t.Parallel()
	install := func() *machine.Machine {
		m := installed(t, "bookworm")
		m.Shell(t, customersServices)
		return m
	}
	m := install()
	m.Shell(t, customersSecrets+"; mkdir /srv/backup")
	s := setUpWith(t, m, "database:\n  mode: external\nstorage:\n  engine: s3\n  endpoint: http://127.0.0.1:9100\n  bucket: pictures\nbackup:\n  target: /srv/backup\n")
	confirmKit(t, m)
	firstSet(t, m)
	picture := testPicture(t)
	shown, err := s.report("with a picture", s.upload(t, picture))
	if err != nil {
		t.Fatal(err)
	}
	l := startLoad(s, "during the set")
	l.progress(t, 100)
	began := time.Now()
	m.Run(t, "systemctl", "start", "bugspark-backup.service")
	l.end()
	if out := m.Run(t, "bugspark", "backup", "show", lastSet(m)); !strings.Contains(out, `"logical": true`) || strings.Contains(out, `"start_lsn": "0`) {
		t.Errorf("the set is\n%s", out)
	}
	if r, _ := drill(t, m); !r.Passed {
		t.Errorf("drill: %+v", r.Failures)
	}
	m.Run(t, "systemctl", "start", "bugspark-backup-drill.service", "bugspark-backup-verify.service", "bugspark-backup-prune.service", "bugspark-backup-check.service")
	if out := runs(t, m); !strings.Contains(out, "is in no set") {
		t.Errorf("status does not tell what is not saved:\n%s", out)
	}
	if out, status := m.Try("bugspark", "restore", "--set", "latest", "--yes"); status != 3 || !strings.Contains(out, "holds data") {
		t.Errorf("over a database that holds data: %d %s", status, out)
	}
	if out, status := m.Try("bugspark", "restore", "--time", "2026-01-01", "--yes"); status == 0 {
		t.Errorf("to a moment: %d %s", status, out)
	}
	unwanted, err := s.report("after the newest set", "")
	if err != nil {
		t.Fatal(err)
	}
	m.Run(t, "bugspark", "restore", "--set", lastSet(m), "--yes")
	if have := s.ids(t); have[unwanted] || !have[shown] {
		t.Errorf("after the restore of a set: the report after it is there: %v, the one before it: %v", have[unwanted], have[shown])
	}
	if out, status := m.Try("bugspark", "restore", "--set", lastSet(m), "--yes"); status != 3 || !strings.Contains(out, "neither confirmed nor undone") {
		t.Errorf("a second restore before the first is confirmed: %d %s", status, out)
	}
	m.Run(t, "bugspark", "restore", "undo", "--yes")
	if have := s.ids(t); !have[unwanted] || !have[shown] {
		t.Error("undoing did not bring back what the database held")
	}
	m.Shell(t, `bugspark restore --set latest --into /srv/beside && pg_restore --list /srv/beside/database.dump | grep -q 'TABLE DATA'`)
	if out := m.Shell(t, "grep -rl database-secret /var/lib/bugspark /etc/systemd /run/systemd /srv/backup /var/log || true; ls /var/lib/bugspark/backup/spool 2>/dev/null || true"); out != "" {
		t.Errorf("a secret, or a spool:\n%s", out)
	}
	kit := m.Run(t, "bugspark", "backup", "kit")
	m.Kill(t)

	n := install()
	n.Copy(t, filepath.Join(m.Root(), "srv/backup"), "/srv/backup")
	n.Write(t, "/root/kit.txt", kit)
	restored := time.Now()
	t.Log(n.Run(t, "bugspark", "restore", "--kit", "/root/kit.txt", "--set", "latest", "--yes"))
	t.Logf("restored in %.1f s", time.Since(restored).Seconds())
	s.move(t, n)
	l.recovered(t, s, began)
	s.seesPicture(t, shown, picture)
	healthy(t, n)
	n.Run(t, "systemctl", "start", "bugspark-backup.service")
	if r, _ := drill(t, n); !r.Passed {
		t.Errorf("drill on the new machine: %+v", r.Failures)
	}
}
