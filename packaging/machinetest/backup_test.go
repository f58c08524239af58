package machinetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

// backupsComeBack saves sets while reports come in, hurts the target, and
// starts a second cluster from what was restored.
func backupsComeBack(t *testing.T, m *machine.Machine, s *site) {
	if out, status := m.Try("bugspark", "backup", "create"); status != 2 || !strings.Contains(out, "backup.target") {
		t.Errorf("without a target: %d %s", status, out)
	}
	m.Shell(t, "printf 'backup:\\n  target: /srv/backup\\n' >>/etc/bugspark/bugspark.yaml; bugspark apply")
	if out, status := m.Try("bugspark", "backup", "create"); status != 3 || !strings.Contains(out, "/srv/backup") {
		t.Errorf("with a target that is not there: %d %s", status, out)
	}
	m.Run(t, "mkdir", "/srv/backup")
	s.upload(t, testPicture(t))
	before := len(s.ids(t))
	l := startLoad(s, "backup")
	defer l.end()
	l.progress(t, 50)
	var set struct {
		ID       string
		Seconds  float64
		Document struct {
			Database struct{ Rows map[string]int64 }
			Objects  struct{ Count int64 }
		}
	}
	if err := json.Unmarshal([]byte(m.Run(t, "bugspark", "backup", "create", "--json")), &set); err != nil {
		t.Fatal(err)
	}
	l.end()
	t.Logf("a set of %d reports and %d pictures took %.1f s", set.Document.Database.Rows["reports"], set.Document.Objects.Count, set.Seconds)
	if set.Document.Database.Rows["reports"] < int64(before+50) || set.Document.Objects.Count < 2 || len(l.failures) > 0 {
		t.Errorf("set %+v, %d requests failed meanwhile", set, len(l.failures))
	}
	if out := m.Run(t, "bugspark", "backup", "verify"); !strings.Contains(out, "is good") {
		t.Errorf("verify says %s", out)
	}
	if out := m.Run(t, "bugspark", "backup", "prune"); !strings.Contains(out, "0 of 1 sets went") {
		t.Errorf("prune says %s", out)
	}
	if out, status := m.Try("bugspark", "restore", "--set", "latest", "--into", "/etc/bugspark"); status != 3 {
		t.Errorf("into a directory that is not empty: %d %s", status, out)
	}
	m.Run(t, "bugspark", "restore", "--set", "latest", "--into", "/var/tmp/restored")
	// As docs/backups.md says, with a question instead of a prompt.
	rows := m.Shell(t, `
		chown -R bugspark-postgres /var/tmp/restored/database
		chmod 711 /var/tmp/restored
		cd /
		as="setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups"
		bin=$(dirname /usr/lib/postgresql/*/bin/pg_ctl)
		$as $bin/pg_ctl -D /var/tmp/restored/database -w -s -o "-k /tmp -c listen_addresses=" start >/dev/null 2>&1
		$as psql -h /tmp -U postgres -Atc 'SELECT count(*) FROM bugspark.reports' bugspark
		$as $bin/pg_ctl -D /var/tmp/restored/database -m fast stop >/dev/null`)
	var restored int64
	if _, err := fmt.Sscan(rows, &restored); err != nil || restored < set.Document.Database.Rows["reports"] {
		t.Errorf("the restored cluster has %s reports, the set was said to have %d (%v)", strings.TrimSpace(rows), set.Document.Database.Rows["reports"], err)
	}
	m.Shell(t, `pack=$(find /srv/backup -name '*.f' -path '*/p*' -size +20k | head -n 1); printf 'rot' | dd of="$pack" bs=1 seek=9000 conv=notrunc status=none`)
	if out, status := m.Try("bugspark", "backup", "verify"); status != 1 || !strings.Contains(out, "DAMAGED") {
		t.Errorf("three rotten bytes: %d %s", status, out)
	}
	m.Shell(t, "rm -r /srv/backup /var/tmp/restored")
}
