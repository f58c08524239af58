package machinetest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// lure is what one account plays with while root runs commands.
type lure struct {
	what, account, before string // before is done in quiet
	names, commands       []string
}

func lures() []lure {
	const postgres, backup = "/var/lib/bugspark/postgres/", "/var/lib/bugspark/backup/"
	return []lure{
		{"where a restore works", "bugspark-postgres", "true", []string{postgres + "restoring", postgres + "restoring.planned", postgres + "before-restore", postgres + "data.unfinished"},
			[]string{"status", "apply", "setup --non-interactive", "restore --set latest --yes", "restore --set latest --yes", "restore --set latest --yes"}},
		{"where an undo works", "bugspark-postgres", "bugspark restore --set latest --yes", []string{postgres + "run", postgres + "restoring", postgres + "before-restore/pg_wal", postgres + "before-restore/PG_VERSION", postgres + "before-restore/postgresql.auto.conf"},
			[]string{"restore undo --yes", "restore undo --yes", "restore undo --yes"}},
		{"the target", "bugspark-backup", "true", []string{local + "/owner.json", local + "/ballast", local + "/RESTORE.txt", local + "/rescue", local + "/archive", local + "/sets"},
			[]string{"status", "apply", "setup --non-interactive", "backup create", "backup list", "restore --set latest --yes"}},
		{"locks and the mark of the target", "bugspark-backup", "bugspark restore confirm --yes; true", []string{backup + "lock", backup + "copy.lock", backup + "target.json", backup + "target.json.lock", backup + "set-request.json", backup + "set-wanted", backup + "drill-wanted"},
			[]string{"apply", "setup --non-interactive", "backup create", "backup drill", "restore --set latest --yes", "restore undo --yes"}},
		{"what the jobs remember", "bugspark-backup", "true", []string{backup + "last-set.json", backup + "last-drill.json", backup + "last-verify.json", backup + "wal.json", backup + "on.json", backup + "kept-sets.json",
			backup + "problems.json", backup + "metrics.prom", backup + "scratch", backup + "cache", backup + "drills"},
			[]string{"status", "status --json", "apply", "backup create", "backup drill", "restore --set latest --yes"}},
		// The last: a server that is started while this plays does not start.
		{"the version of the data", "bugspark-postgres", "true", []string{postgres + "data/PG_VERSION"}, []string{"plan", "plan", "plan", "apply", "setup --non-interactive", "plan"}},
	}
}

// play is a shell of an account that replaces names by links to what is root's, by FIFOs, and
// by what was there, over and over, as long as /tmp/play exists.
const play = `cd /
for name in "$@"; do test -e "$name" && cp -a "$name" "$name.real" 2>/dev/null; done
while test -e /run/play; do
	for name in "$@"; do
		test -e /run/play || break
		mv -T "$name" "$name.$RANDOM" 2>/dev/null
		case $((RANDOM % 5)) in
		0) ln -sT /root/victims "$name";;
		1) ln -sT /root/victims/file "$name";;
		2) ln -sT /etc/shadow "$name";;
		3) mkfifo "$name";;
		4) cp -a "$name.real" "$name";;
		esac 2>/dev/null
		ln -sT /root/victims "$name/database" 2>/dev/null
		ln -sT /etc/shadow "$name/postgresql.conf" 2>/dev/null
	done
	find $(dirname "$1") -maxdepth 1 -name '*.[0-9]*' -not -name '*.json' -not -name '*.txt' -exec rm -rf {} + 2>/dev/null
done
for name in "$@"; do rm -rf "$name" "$name".[0-9]*; test -e "$name.real" && mv -T "$name.real" "$name"; done
exit 0
`

// TestRootFollowsNothingOfAnAccount lets the accounts of the database and of the backups
// play with every name in their directories, while root uses the product.
func TestRootFollowsNothingOfAnAccount(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	s := setUpWith(t, m, "")
	if _, err := s.report("the only one", ""); err != nil {
		t.Fatal(err)
	}
	firstSet(t, m)
	archived(t, m)
	m.Write(t, "/usr/local/lib/play", play)
	m.Shell(t, "mkdir -m 0700 -p /root/victims/database /root/victims/pg_wal; echo root >/root/victims/file; chmod 600 /root/victims/file; cp /root/victims/file /root/victims/PG_VERSION")
	const look = `find /root/victims /etc/shadow /etc/passwd /root -printf '%p %U %G %m\n' | grep -v '/root/\.' | sort; find /root/victims /etc/shadow /etc/passwd -type f | sort | xargs sha256sum`
	before := m.Shell(t, look)
	refused := false
	refusal := regexp.MustCompile(`(?i)symbolic link|regular file|escapes|not a directory|no such file|another name`)
	for _, l := range lures() {
		t.Run(l.what, func(t *testing.T) {
			m.Shell(t, l.before)
			m.Shell(t, "touch /run/play; chmod 644 /run/play")
			m.Shell(t, fmt.Sprintf("setpriv --reuid=%[1]s --regid=%[1]s --clear-groups bash /usr/local/lib/play %[2]s >/dev/null 2>&1 & echo $! >/run/player", l.account, strings.Join(l.names, " ")))
			said := ""
			for _, command := range l.commands {
				out, status := m.Try("sh", "-c", "timeout -k 10 240 bugspark "+command+" 2>&1 </dev/null")
				if status == 124 || status == 137 {
					t.Errorf("%s hangs:\n%s", command, out)
				}
				said += fmt.Sprintf("%s: %d\n%s\n", command, status, out)
			}
			m.Shell(t, "rm -f /run/play; while kill -0 $(cat /run/player) 2>/dev/null; do sleep 0.2; done")
			if after := m.Shell(t, look); after != before {
				t.Fatalf("what is root's was changed:\n%s\nbefore:\n%s", after, before)
			}
			if named := refusal.FindString(said); named == "" {
				t.Logf("nothing was refused:\n%s", said)
			} else {
				refused = true
				t.Logf("refused (%s):\n%s", named, said)
			}
		})
	}
	if !refused {
		t.Error("no refusal is named")
	}
}
