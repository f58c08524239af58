package machinetest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

// others are the paths that a purge may leave changed, because others than BugSpark
// write them.
func others() map[string]string {
	return map[string]string{
		`/etc/(passwd|group|shadow|gshadow)-?`: "userdel rewrites them and keeps backups; the accounts are compared one by one",
		`/etc/\.pwd\.lock`:                     "systemd-sysusers locks the accounts with it and never deletes it",
		`/var/lib/dpkg(/.*)?`:                  "the package manager's own",
		`/var/lib/apt(/.*)?`:                   "the package manager's own",
		`/var/lib/postgresql(/.*)?`:            "the distribution's cluster runs and writes",
		`/var/lib/systemd/timers/stamp-(apt-daily|apt-daily-upgrade|dpkg-db-backup|e2scrub_all|fstrim|logrotate|man-db|systemd-tmpfiles-clean)\.timer`: "systemd's own timers ran meanwhile",
		`/var/lib/systemd/(random-seed|timesync/clock|linger|coredump)`:                                                                                "systemd's own, written at a boot",
		`/var/lib/(logrotate|man-db|ucf|dbus)(/.*)?`:                                                                                                   "written by jobs of the distribution at a boot or by the clock",
	}
}

// inventory is what the machine has: files with owner and mode, what the files of
// /etc hold, accounts, units.
func inventory(t *testing.T, m *machine.Machine) string {
	t.Helper()
	out := m.Shell(t, `
		find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp -o -path /root -o -path /srv -o -path /var/log -o -path /var/cache \) -prune \
			-o -printf '%p %u %g %m %l\n' | sort
		find /etc -xdev -type f -exec sha256sum {} + | sed 's/^\([0-9a-f]*\)  \(.*\)$/\2 holds \1/' | sort
		getent passwd | sort; getent group | sort
		systemctl list-unit-files --no-legend | sort`)
	var reasons []string
	for pattern := range others() {
		reasons = append(reasons, pattern)
	}
	noise := regexp.MustCompile(`(?m)^(` + strings.Join(reasons, "|") + `) .*\n`)
	return noise.ReplaceAllString(out, "")
}

func removeAndPurge(t *testing.T, m *machine.Machine, s *site, before string) {
	had := len(s.ids(t))
	m.Run(t, "apt-get", "remove", "-y", "-qq", "bugspark", "bugspark-minio")
	if out := m.Shell(t, "pgrep -a 'bugspark|minio' || true; pgrep -a -u bugspark-postgres || true"); strings.TrimSpace(out) != "" {
		t.Errorf("after removing, this still runs:\n%s", out)
	}
	m.Run(t, "test", "-s", "/var/lib/bugspark/postgres/data/PG_VERSION")
	m.Run(t, "apt-get", "install", "-y", "-qq", "bugspark")
	m.Run(t, "bugspark", "apply")
	if have := len(s.ids(t)); have != had {
		t.Errorf("after removing and installing again there are %d reports instead of %d", have, had)
	}
	// What an administrator put beside ours stays.
	m.Shell(t, `
		mkdir -p /etc/systemd/system/bugspark-api.service.d
		printf '[Service]\nNice=1\n' >/etc/systemd/system/bugspark-api.service.d/60-ours.conf
		printf '[Unit]\nDescription=ours\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=bugspark.target\n' >/etc/systemd/system/ours.service
		systemctl -q enable ours.service
		useradd --system bugspark-operator
		mkdir /srv/second`)
	setTarget(t, m, "/srv/second")
	m.Shell(t, `bugspark apply >/dev/null 2>&1; for i in $(seq 300); do [ -d /srv/second/sets ] && break; sleep 0.2; done
		ln -s /home /srv/second/home; ls -ldn /home >/root/home`)
	if out := m.Run(t, "apt-get", "purge", "-y", "-qq", "bugspark", "bugspark-minio"); !strings.Contains(out, "stay in '/var/backups/bugspark',") || !strings.Contains(out, "stay in '/srv/second',") {
		t.Errorf("nobody says that the backups stay:\n%s", out)
	}
	m.Shell(t, `
		rm /etc/systemd/system/bugspark-api.service.d/60-ours.conf /etc/systemd/system/bugspark.target.wants/ours.service /etc/systemd/system/ours.service
		rmdir /etc/systemd/system/bugspark-api.service.d /etc/systemd/system/bugspark.target.wants
		userdel bugspark-operator
		systemctl daemon-reload`)
	// The backups stay, as root's.
	m.Run(t, "test", "-s", "/var/backups/bugspark/owner.json")
	if out := m.Shell(t, "find /var/backups/bugspark -not -user root"); out != "" {
		t.Errorf("the account is gone, and this is still its own:\n%s", out)
	}
	m.Run(t, "rm", "-r", "/var/backups/bugspark")
	if out := m.Shell(t, "find /srv/second -not -user root -o -not -group root; ls -ldn /home | diff - /root/home"); out != "" {
		t.Errorf("of a target elsewhere this belongs to nobody:\n%s", out)
	}
	m.Run(t, "rm", "-r", "/srv/second")
	after := inventory(t, m)
	if diff := difference(before, after); diff != "" {
		t.Errorf("purging left traces:\n%s", diff)
	}
	// Once more, as dpkg does after an interruption.
	m.Shell(t, "dpkg --purge bugspark bugspark-minio 2>/dev/null || true")
}

// difference lists the lines that only one of two sorted listings has.
func difference(before, after string) string {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	var b strings.Builder
	for line, n := range count {
		switch {
		case n > 0:
			b.WriteString("+ " + line)
		case n < 0:
			b.WriteString("- " + line)
		}
	}
	return b.String()
}
