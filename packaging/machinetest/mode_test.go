package machinetest

import (
	"strings"
	"testing"
)

// TestASetFromBeforeAChangeOfTheMode moves a server to a database of the customer's and
// back: a set of the mode before is refused with the way, and the way leads there.
func TestASetFromBeforeAChangeOfTheMode(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	m.Shell(t, `mkdir /srv/backup; cd /; as() { setpriv --reuid=postgres --regid=postgres --clear-groups psql -qc "$@"; }
		until as "CREATE ROLE customer LOGIN PASSWORD 'database-secret'"; do sleep 0.5; done; as "CREATE DATABASE customer OWNER customer"`)
	s := setUpWith(t, m, "backup:\n  target: /srv/backup\n")
	confirmKit(t, m)
	firstSet(t, m)
	id, err := s.report("in our own database", "")
	if err != nil {
		t.Fatal(err)
	}
	m.Run(t, "bugspark", "backup", "create")
	set := lastSet(m)
	mode := func(to string) {
		m.Shell(t, `sed -i '/^database:$/,/^  mode:/d' /etc/bugspark/bugspark.yaml; printf 'database:\n  mode: `+to+`\n' >>/etc/bugspark/bugspark.yaml; bugspark apply --start-empty`)
	}
	m.Shell(t, `cd /etc/bugspark/credentials; umask 077; echo 'postgres://customer:database-secret@127.0.0.1:5432/customer?sslmode=prefer' >database-dsn`)
	mode("external")
	out, status := m.Try("bugspark", "restore", "--set", set, "--yes")
	if status != 3 || !strings.Contains(out, "when database.mode was managed") || !strings.Contains(out, "bugspark apply --start-empty && bugspark restore --set "+set) {
		t.Errorf("a set of the mode before: status %d: %s", status, out)
	}
	m.Run(t, "bugspark", "backup", "create")
	theirs := lastSet(m)
	mode("managed")
	if have := s.ids(t); !have[id] {
		t.Error("the report is not in our own database any more")
	}
	s.must(t, "DELETE", "/api/v1/reports/"+id, nil, nil)
	m.Run(t, "bugspark", "restore", "--set", set, "--yes")
	if have := s.ids(t); !have[id] || len(have) != 1 {
		t.Errorf("the set brought back %d reports, the one of it: %v", len(have), have[id])
	}
	m.Run(t, "bugspark", "restore", "confirm", "--yes")
	out, status = m.Try("bugspark", "restore", "--set", theirs, "--yes")
	if status != 3 || !strings.Contains(out, "when database.mode was external") {
		t.Errorf("a set of the customer's database: status %d: %s", status, out)
	}
	healthy(t, m)
	m.Run(t, "bugspark", "backup", "create")
	if r, _ := drill(t, m); !r.Passed {
		t.Errorf("the drill after the way back: %q", r.Failures)
	}
}
