package machinetest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// asCustomer runs SQL as whoever runs the customer's PostgreSQL.
func asCustomer(t *testing.T, m *machine.Machine, sql string) string {
	t.Helper()
	m.Write(t, "/root/customer.sql", sql)
	return m.Shell(t, `cd /; setpriv --reuid=postgres --regid=postgres --clear-groups psql -Atq -v ON_ERROR_STOP=1 </root/customer.sql`)
}

// TestStreamYourOwnDatabase receives the WAL of a customer's server: it is
// drilled, goes back to before a bulk delete, and comes back, to the last
// archived second, on a new machine with empty services.
func TestStreamYourOwnDatabase(t *testing.T) {
	t.Parallel()
	install := func() *machine.Machine {
		m := installed(t, "trixie")
		m.Shell(t, customersServices)
		return m
	}
	m := install()
	asCustomer(t, m, "CREATE DATABASE somebody_elses")
	m.Shell(t, customersSecrets+`; echo 'host=127.0.0.1 user=replicator password=replication-secret dbname=customer' >replication-dsn; mkdir /srv/backup`)
	s := setUpWith(t, m, "database:\n  mode: external\nstorage:\n  engine: s3\n  endpoint: http://127.0.0.1:9100\n  bucket: pictures\nbackup:\n  target: /srv/backup\n")
	m.Shell(t, `sed -i 's|^  target: /srv/backup|&\n  stream: true|' /etc/bugspark/bugspark.yaml`)
	if out, status := m.Try("bugspark", "apply"); status != 3 || !strings.Contains(out, "does not let the role of the backups in") {
		t.Errorf("without the role: %d %s", status, out)
	}
	asCustomer(t, m, "CREATE ROLE replicator LOGIN PASSWORD 'replication-secret'")
	out, status := m.Try("bugspark", "apply")
	for _, want := range []string{"may not replicate", `ALTER ROLE "replicator" REPLICATION`, "without a limit", "max_slot_wal_keep_size"} {
		if status != 3 || !strings.Contains(out, want) {
			t.Errorf("with a server that is not ready (%d) it does not say %q: %s", status, want, out)
		}
	}
	asCustomer(t, m, `ALTER ROLE replicator REPLICATION;
		ALTER SYSTEM SET max_slot_wal_keep_size = '1GB';
		SELECT pg_reload_conf();`)
	t.Log(m.Run(t, "bugspark", "apply"))
	confirmKit(t, m)
	eventually(t, "a set of the whole server", func() bool {
		out, status := m.Try("bugspark", "backup", "show", lastSet(m))
		return status == 0 && strings.Contains(out, `"start_lsn": "0`)
	})
	archived(t, m)
	if out := m.Run(t, "bugspark", "plan"); !strings.Contains(out, "othing") {
		t.Errorf("a second apply would change\n%s", out)
	}
	if out := m.Run(t, "bugspark", "backup", "show", lastSet(m)); !strings.Contains(out, `"name": "customer"`) || strings.Contains(out, `"start_lsn": ""`) {
		t.Errorf("the set is\n%s", out)
	}
	if out := runs(t, m); strings.Contains(out, "is in no set") {
		t.Errorf("status says\n%s", out)
	}
	r, _ := drill(t, m)
	if !r.Passed || r.RPO > 180 {
		t.Errorf("drill: %+v", r)
	}
	m.Run(t, "systemctl", "start", "bugspark-backup-drill.service", "bugspark-backup-verify.service", "bugspark-backup-prune.service", "bugspark-backup-check.service")
	t.Run("the state before a bulk delete comes back", func(t *testing.T) { timeComesBack(t, m, s) })

	t.Run("nothing is acknowledged that neither side has", func(t *testing.T) { nothingBetween(t, m, s) })

	picture := testPicture(t)
	shown, err := s.report("with a picture", s.upload(t, picture))
	if err != nil {
		t.Fatal(err)
	}
	l := startLoad(s, "until the end")
	l.progress(t, 200)
	through := archived(t, m)
	l.progress(t, 50)
	if out := m.Shell(t, "grep -rlE 'database-s[e]cret|replication-s[e]cret' /var/lib/bugspark /etc/systemd /run/systemd /srv/backup /var/log /proc/[0-9]*/cmdline 2>/dev/null || true"); out != "" {
		t.Errorf("a secret in\n%s", out)
	}
	kit := m.Run(t, "bugspark", "backup", "kit")
	died := time.Now()
	m.Kill(t)
	l.end()

	n := install()
	n.Copy(t, filepath.Join(m.Root(), "srv/backup"), "/srv/backup")
	n.Write(t, "/root/kit.txt", kit)
	began := time.Now()
	t.Log(n.Run(t, "bugspark", "restore", "--kit", "/root/kit.txt", "--set", "latest", "--yes"))
	took := time.Since(began)
	s.move(t, n)
	t.Logf("restored in %.1f s; it died %.1f s after the last archived moment (measured RPO)", took.Seconds(), died.Sub(through).Seconds())
	l.recovered(t, s, through)
	s.seesPicture(t, shown, picture)
	healthy(t, n)

	// The new server does not let anybody replicate yet, which apply says; once it
	// does, the backups go on, and when they are turned off nothing is left there.
	if out, status := n.Try("bugspark", "apply"); status != 3 || !strings.Contains(out, "replication-dsn") {
		t.Errorf("on a new server that is not ready: %d %s", status, out)
	}
	asCustomer(t, n, `CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'replication-secret';
		ALTER SYSTEM SET max_slot_wal_keep_size = '1GB';
		SELECT pg_reload_conf();`)
	n.Run(t, "bugspark", "apply")
	archived(t, n)
	eventually(t, "a set of the new machine", func() bool { return strings.Count(n.Run(t, "bugspark", "backup", "list"), "\n") > 2 })
	if r, _ := drill(t, n); !r.Passed {
		t.Errorf("drill on the new machine: %+v", r.Failures)
	}
	n.Shell(t, `sed -i '/^  stream: true/d' /etc/bugspark/bugspark.yaml; bugspark apply`)
	if out := asCustomer(t, n, "SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'bugspark%'"); strings.TrimSpace(out) != "" {
		t.Errorf("after it was turned off the server still has the slot %s", out)
	}
	if out := n.Run(t, "systemctl", "show", "-p", "TimersCalendar", "bugspark-backup.timer"); !strings.Contains(out, "02/4:15") && !strings.Contains(out, "02..22/4:15") {
		t.Errorf("without a stream, sets are taken at %s", out)
	}
}

// nothingBetween restores and undoes under load: whatever was acknowledged is in
// what was restored, with what came after it, or in what was kept.
func nothingBetween(t *testing.T, m *machine.Machine, s *site) {
	archived(t, m)
	moment := strings.TrimSpace(m.Run(t, "date", "--iso-8601=ns"))
	l := startLoad(s, "during the restore")
	l.progress(t, 50)
	archived(t, m)
	m.Run(t, "bugspark", "restore", "--time", strings.Replace(moment, ",", ".", 1), "--yes")
	l.progress(t, 50)
	l.end()
	restored := s.ids(t)
	m.Run(t, "bugspark", "restore", "undo", "--yes")
	kept := s.ids(t)
	between := 0
	for _, id := range l.acked {
		if !restored[id] && !kept[id] {
			between++
		}
	}
	t.Logf("%d acknowledged, %d refused; %d are in what was kept; in neither: %d", len(l.acked), len(l.failures), len(kept), between)
	if between > 0 {
		t.Errorf("%d reports were acknowledged while the database was replaced, and are lost", between)
	}
}
