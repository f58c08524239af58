package machinetest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// smallDisk puts the state of the services onto a volume of its own.
func smallDisk(t *testing.T, m *machine.Machine, size string) {
	t.Helper()
	m.Shell(t, `mkdir -p /mnt/state /var/lib/bugspark; mount -t tmpfs -o mode=755,size=`+size+` none /mnt/state
		cp -a /var/lib/bugspark/. /mnt/state/; mount --bind /mnt/state /var/lib/bugspark`)
}

// query asks our server as its superuser.
func query(t *testing.T, m *machine.Machine, text string) string {
	t.Helper()
	return strings.TrimSpace(m.Run(t, "sh", "-c", `cd /; exec setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups psql -h /run/bugspark/postgresql -U postgres -Atqc "$1" bugspark`, "sh", text))
}

// number is query for a whole number.
func number(t *testing.T, m *machine.Machine, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(query(t, m, text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// writeWAL makes the server write 40 MB of WAL, and none of anything else.
const writeWAL = "SELECT count(pg_logical_emit_message(false, 'load', repeat('x', 8000))) FROM generate_series(1, 5000)"

// TestAFullSpoolGivesWayToTheDatabase keeps the target away, on a small disk, until
// the spool is full and PostgreSQL gives the replication slot up: the database goes
// on, its WAL stays within its bound, the hole is told, a new set closes it, and
// nobody is promised a moment inside it.
func TestAFullSpoolGivesWayToTheDatabase(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	smallDisk(t, m, "4800m")
	s := setUp(t, m)
	m.Shell(t, `mkdir /srv/backup /mnt/kept; mount -t tmpfs -o size=3g none /srv/backup`)
	turnBackupsOn(t, m)
	// The disk grows, and apply follows it while the server runs.
	m.Shell(t, "mount -o remount,size=9600m /mnt/state")
	if out, status := m.Try("bugspark", "plan"); status != 4 || !strings.Contains(out, "reload bugspark-postgres.service") {
		t.Errorf("with a larger disk plan says (%d)\n%s", status, out)
	}
	m.Run(t, "bugspark", "apply")
	if out := m.Run(t, "bugspark", "plan"); !strings.Contains(out, "othing") {
		t.Errorf("and then\n%s", out)
	}
	eventually(t, "the bound of the larger disk", func() bool { return query(t, m, "SHOW max_slot_wal_keep_size") == "1920MB" })
	// On a disk this small nothing is installed, but it may become so.
	m.Shell(t, "mount -o remount,size=1200m /mnt/state; systemctl reload bugspark-postgres")
	eventually(t, "the bound of the small disk", func() bool { return query(t, m, "SHOW max_slot_wal_keep_size") == "240MB" })
	bound := number(t, m, "SELECT setting::bigint << 20 FROM pg_settings WHERE name = 'max_slot_wal_keep_size'")
	between := number(t, m, "SELECT setting::bigint << 20 FROM pg_settings WHERE name = 'max_wal_size'")
	if bound != 240<<20 || between > 120<<20 {
		t.Errorf("on a disk of 1200 MiB the server may keep %d bytes for backups, and write %d between checkpoints", bound, between)
	}
	m.Shell(t, `mount --bind /srv/backup /mnt/kept; umount -l /srv/backup; systemctl restart bugspark-walship`)
	server := m.Run(t, "systemctl", "show", "-p", "MainPID", "--value", "bugspark-postgres.service")
	l := startPacedLoad(s, "while WAL is lost", 50*time.Millisecond)
	defer l.end()
	most, least := int64(0), int64(1<<40)
	within(t, 10*time.Minute, "the end of PostgreSQL's patience", func() bool {
		query(t, m, writeWAL)
		query(t, m, "CHECKPOINT")
		most = max(most, number(t, m, "SELECT sum(size)::bigint FROM pg_ls_waldir()"))
		free, err := strconv.ParseInt(strings.TrimSpace(m.Shell(t, "stat -f -c '%a %S' /var/lib/bugspark | { read a s; echo $((a * s)); }")), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		least = min(least, free)
		return query(t, m, "SELECT coalesce(max(wal_status), 'lost') FROM pg_replication_slots WHERE slot_name = 'bugspark'") == "lost"
	})
	t.Logf("%d MiB of WAL at most, of which backups may keep %d; at least %d MiB of the disk were free; spool %s", most>>20, bound>>20, least>>20,
		strings.Fields(m.Run(t, "du", "-sh", "/var/lib/bugspark/backup/spool"))[0])
	// The checkpoint that looks at the bound comes when as much again was written.
	if most > bound+2*between || least < 64<<20 {
		t.Errorf("%d bytes of WAL, %d of the disk were free", most, least)
	}
	if out, status := m.Try("bugspark", "backup", "check"); status != 1 || !strings.Contains(out, "is its mount missing?") {
		t.Errorf("check says: %d %s", status, out)
	}
	inside := time.Now()
	l.progress(t, 20)
	m.Shell(t, `mount --bind /mnt/kept /srv/backup; systemctl restart bugspark-walship`)
	within(t, 4*time.Minute, "a set that closes the hole", func() bool {
		out, status := m.Try("bugspark", "backup", "list", "--json")
		return status == 0 && strings.Count(out, `"id"`) >= 2
	})
	l.end()
	through := archivedWithin(t, m, 2*time.Minute)
	if len(l.failures) > 0 || m.Run(t, "systemctl", "show", "-p", "MainPID", "--value", "bugspark-postgres.service") != server {
		t.Errorf("the database was disturbed: %d requests failed %v", len(l.failures), l.failures)
	}
	l.stored(t, s)
	if out := m.Run(t, "journalctl", "-q", "-o", "cat", "-u", "bugspark-walstream", "-u", "bugspark-walship"); !strings.Contains(out, "gave the replication slot up") {
		t.Errorf("the journal does not tell of the hole:\n%s", out)
	}
	moment := fmt.Sprintf("@%d", inside.Unix())
	moment = strings.TrimSpace(m.Run(t, "date", "--iso-8601=seconds", "-d", moment))
	if out, status := m.Try("bugspark", "restore", "--time", moment, "--dry-run"); status != 3 || !strings.Contains(out, "cannot be reached") {
		t.Errorf("a moment inside the hole: %d %s", status, out)
	} else {
		t.Log(strings.TrimSpace(out))
	}
	if r, _ := drill(t, m); !r.Passed || r.Rows["reports"] < int64(len(l.acked)) {
		t.Errorf("the drill after %s: %+v", through, r)
	}
	m.Run(t, "bugspark", "backup", "check")
}
