package machinetest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAFullSpoolGivesWayToTheDatabase keeps the target away until the spool is
// full and PostgreSQL gives the replication slot up: the database goes on, the
// hole is told, a new set closes it, and nobody is promised a moment inside it.
func TestAFullSpoolGivesWayToTheDatabase(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	s := setUp(t, m)
	m.Shell(t, `mkdir /srv/backup /mnt/kept; mount -t tmpfs -o size=3g none /srv/backup
		mkdir -p /etc/bugspark/postgresql.conf.d
		printf "max_slot_wal_keep_size = '96MB'\nmax_wal_size = '64MB'\n" >/etc/bugspark/postgresql.conf.d/small.conf
		systemctl restart bugspark-postgres`)
	turnBackupsOn(t, m)
	m.Shell(t, `printf '  spool_mib: 64\n' >>/etc/bugspark/bugspark.yaml; bugspark apply`)
	archived(t, m)
	sql := func(text string) string {
		return strings.TrimSpace(m.Run(t, "sh", "-c", `cd /; exec setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups psql -h /run/bugspark/postgresql -U postgres -Atqc "$1" bugspark`, "sh", text))
	}
	m.Shell(t, `mount --bind /srv/backup /mnt/kept; umount -l /srv/backup; systemctl restart bugspark-walship`)
	server := m.Run(t, "systemctl", "show", "-p", "MainPID", "--value", "bugspark-postgres.service")
	l := startPacedLoad(s, "while WAL is lost", 50*time.Millisecond)
	defer l.end()
	sql("CREATE TABLE public.filler (body text)")
	lost := func() bool {
		sql("INSERT INTO public.filler SELECT repeat(md5(n::text), 30) FROM generate_series(1, 20000) n; SELECT pg_switch_wal(); CHECKPOINT")
		return sql("SELECT coalesce(wal_status, 'lost') FROM pg_replication_slots WHERE slot_name = 'bugspark'") == "lost"
	}
	within(t, 3*time.Minute, "the end of PostgreSQL's patience", lost)
	inside := time.Now()
	time.Sleep(2 * time.Second)
	t.Logf("with the slot lost: %s of WAL kept by the database, spool %s", sql("SELECT pg_size_pretty(sum(size)) FROM pg_ls_waldir()"),
		strings.Fields(m.Run(t, "du", "-sh", "/var/lib/bugspark/backup/spool"))[0])
	sql("DROP TABLE public.filler")
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
