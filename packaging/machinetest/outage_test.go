package machinetest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// outage is how long a target is full or away at least; BUGSPARK_OUTAGE=1h is the real
// thing. Without it the trouble lasts until it is noticed and users have gone on.
func outage(t *testing.T) time.Duration {
	text := os.Getenv("BUGSPARK_OUTAGE")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestATargetInTroubleTroublesNobody fills the target, or takes it away, under
// load: users notice nothing, the administrator is told, and the backups go on
// by themselves when the target does.
func TestATargetInTroubleTroublesNobody(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]struct{ begin, end, says, tells string }{
		"full": {
			begin: `dd if=/dev/zero of=/srv/backup/archive/somebody-elses bs=4k 2>/dev/null || df /srv/backup`,
			end:   `rm /srv/backup/archive/somebody-elses`,
			says:  "free", tells: "/srv/backup is full",
		},
		"away": {
			// What runs keeps its view of the mount; after a restart it is gone.
			begin: `mkdir -p /mnt/kept; mount --bind /srv/backup /mnt/kept; umount -l /srv/backup; systemctl restart bugspark-walship`,
			end:   `mount --bind /mnt/kept /srv/backup`,
			says:  "away", tells: "is its mount missing?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := installed(t, "bookworm")
			s := setUp(t, m)
			m.Shell(t, "mkdir /srv/backup; mount -t tmpfs -o size=3g none /srv/backup")
			turnBackupsOn(t, m)
			l := startPacedLoad(s, "during trouble", 100*time.Millisecond)
			defer l.end()
			server := func() string {
				return m.Run(t, "systemctl", "show", "-p", "MainPID", "--value", "bugspark-postgres.service")
			}
			before := server()
			l.progress(t, 200)
			quiet := l.window()
			m.Shell(t, trouble.begin)
			began := time.Now()
			eventually(t, "the news of it", func() bool {
				out, status := m.Try("bugspark", "backup", "check")
				return status == 1 && strings.Contains(out, trouble.says)
			})
			l.progress(t, 200)
			if out, status := m.Try("bugspark", "backup", "create"); status == 0 || !strings.Contains(out, trouble.tells) {
				t.Errorf("a set now: %d %s", status, out)
			} else {
				t.Logf("a set now: %s", out)
			}
			within(t, outage(t)+time.Minute, "the end of the outage", func() bool { return time.Since(began) >= outage(t) })
			l.progress(t, 200)
			noisy := l.window()
			if name == "away" {
				if out := m.Shell(t, "ls -A /srv/backup"); out != "" {
					t.Errorf("below the missing mount there is now %s", out)
				}
			}
			t.Logf("spool after %.0f s: %s", time.Since(began).Seconds(), strings.TrimSpace(m.Run(t, "du", "-sh", "/var/lib/bugspark/backup/spool")))
			m.Shell(t, trouble.end)
			healed := time.Now()
			through := archivedWithin(t, m, 5*time.Minute)
			t.Logf("archived again %.0f s after the target came back, through %s", time.Since(healed).Seconds(), through.Format(time.TimeOnly))
			l.end()
			t.Logf("before the trouble %s; during it %s; p50 x %.2f, p99 x %.2f", quiet, noisy, noisy.ratio(quiet, 0.5), noisy.ratio(quiet, 0.99))
			if len(l.failures) > 0 {
				t.Errorf("%d requests failed, such as %s", len(l.failures), l.failures[0])
			}
			if server() != before {
				t.Error("the database was restarted")
			}
			// A sign-in of before has ended by now.
			s.must(t, "POST", "/api/v1/auth/login", map[string]string{"email": s.email, "password": s.password}, nil)
			l.stored(t, s)
			archivedWithin(t, m, time.Minute)
			m.Run(t, "bugspark", "backup", "create")
			m.Run(t, "bugspark", "backup", "verify")
			if r, _ := drill(t, m); !r.Passed || r.Rows["reports"] < int64(len(l.acked)) {
				t.Errorf("the drill after it: %+v", r)
			}
			m.Run(t, "bugspark", "backup", "check")
		})
	}
}

// latencies of one stretch of a load.
type latencies []time.Duration

func (l latencies) at(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(len(l)-1, int(q*float64(len(l))))]
}

func (l latencies) ratio(other latencies, q float64) float64 {
	return l.at(q).Seconds() / max(other.at(q).Seconds(), 1e-9)
}

func (l latencies) String() string {
	return fmt.Sprintf("%d requests, p50 %.1f ms, p99 %.1f ms, longest %.0f ms", len(l), l.at(0.5).Seconds()*1e3, l.at(0.99).Seconds()*1e3, l.at(1).Seconds()*1e3)
}

// window returns the latencies since the last call.
func (l *load) window() latencies {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.took[l.seen:])
	l.seen = len(l.took)
	slices.Sort(out)
	return out
}

// turnBackupsOn configures /srv/backup, confirms the kit and waits for the
// first set.
func turnBackupsOn(t *testing.T, m *machine.Machine) {
	t.Helper()
	setTarget(t, m, "/srv/backup")
	m.Run(t, "bugspark", "apply")
	confirmKit(t, m)
	firstSet(t, m)
	archived(t, m)
}

// setTarget names another target in the configuration, whose section then is the
// last.
func setTarget(t *testing.T, m *machine.Machine, target string) {
	t.Helper()
	m.Shell(t, `sed -i '/^backup:$/,/^  target:/d' /etc/bugspark/bugspark.yaml
		printf 'backup:\n  target: `+target+`\n' >>/etc/bugspark/bugspark.yaml`)
}

// confirmKit says that the recovery kit is in a safe place.
func confirmKit(t *testing.T, m *machine.Machine) {
	t.Helper()
	m.Shell(t, `bugspark backup kit --confirm "$(bugspark backup kit | sed -n 's/^fingerprint: *//p')"`)
}

// firstDrill waits for the first drill. Sets, drills and verifications take turns.
func firstDrill(t *testing.T, m *machine.Machine) {
	t.Helper()
	eventually(t, "the first drill", func() bool {
		_, status := m.Try("sh", "-c", "test -e /var/lib/bugspark/backup/last-drill.json && ! systemctl -q is-active bugspark-backup-drill.service bugspark-backup.service")
		return status == 0
	})
}

// firstSet waits for the set that comes by itself.
func firstSet(t *testing.T, m *machine.Machine) {
	t.Helper()
	eventually(t, "the first set", func() bool {
		out, status := m.Try("bugspark", "backup", "list", "--json")
		return status == 0 && strings.Count(out, `"id"`) == 1
	})
}
