package machinetest

import (
	"slices"
	"strings"
	"testing"
)

// attempts are what somebody tries who runs commands as a service. Each prints its
// name when it succeeds.
const attempts = `
try() { name=$1; shift; "$@" >/dev/null 2>&1 && echo "$name"; }
reaches() { curl -s -m 3 --unix-socket "$1" http://x/ ; [ $? -ne 7 ]; }
try "the machine's network" timeout 3 bash -c '</dev/tcp/127.0.0.1/443'
try "MinIO itself" timeout 3 bash -c '</dev/tcp/127.0.0.1/9000'
try "every password of the machine" cat /etc/shadow
try "the secrets of all" cat /etc/bugspark/credentials/secret-key
for unit in api minio walship backup proxy; do
	try "the credentials handed to $unit" ls /run/credentials/bugspark-$unit.service
done
for service in postgres minio proxy backup alert; do
	try "the state of $service" ls /var/lib/bugspark/$service
done
try "the backups" ls /var/backups/bugspark
try "write the configuration" sh -c 'echo "# x" >>/etc/bugspark/bugspark.yaml'
try "write a unit" touch /etc/systemd/system/x.service
try "write a program" touch /usr/local/bin/x
try "write beside the services' state" touch /var/lib/bugspark/x
try "write where all sockets are" touch /run/bugspark/x
for name in supervisor storage api dashboard; do
	try "the socket of $name" reaches /run/bugspark/$name.sock
done
try "the socket of PostgreSQL" reaches /run/bugspark/postgresql/.s.PGSQL.5432
try "a user namespace" unshare -U true
try "a mount" mount -t tmpfs none /mnt
try "become root" setpriv --reuid 0 true
try "a set-uid program" sh -c 'cp /bin/true /tmp/t && chmod u+s /tmp/t && [ -u /tmp/t ]'
try "signal PID 1" kill -0 1
try "see other accounts' processes" sh -c 'ls -d /proc/[0-9]* | grep -qx /proc/1'
try "restart a unit" systemctl restart bugspark-dashboard.service
try "start a unit of its own" systemd-run true
try "read the kernel's log" dmesg
try "set the clock" date -s @1
try "change the machine's name" hostname x
true
`

// TestAShellInEverySandbox is a service that was broken into, each in turn: what its
// account and its unit let a shell do, and nothing else.
func TestAShellInEverySandbox(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	setUpWith(t, m, "")
	firstSet(t, m)
	m.Write(t, "/usr/local/bin/attempts", attempts)
	// The jobs and the two services for WAL are one account.
	backups := []string{"the state of backup", "the backups"}
	for service, may := range map[string][]string{
		"postgres":      {"the state of postgres", "the socket of PostgreSQL"},
		"minio":         {"the state of minio"},
		"storage":       {"MinIO itself", "the socket of storage"}, // its own
		"migrate":       {"the socket of PostgreSQL"},
		"api":           {"the socket of PostgreSQL", "the socket of storage", "the socket of supervisor"},
		"dashboard":     {},
		"proxy":         {"the state of proxy", "the socket of api", "the socket of dashboard"},
		"walstream":     append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"walship":       append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"backup":        append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"backup-drill":  append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"backup-verify": append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"backup-prune":  append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"backup-check":  append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"backup-copy":   append(slices.Clone(backups), "the socket of PostgreSQL", "the socket of storage"),
		"scratch":       {},
		"alert@":        {"the state of alert"},
	} {
		// The drop-ins of a prefix belong to the copy as well.
		copied := "bugspark-shell-in-" + strings.TrimSuffix(service, "@")
		if strings.HasPrefix(service, "backup-") {
			copied = "bugspark-" + service + "-shell"
		}
		out := m.Shell(t, `set -eu
			from=bugspark-`+service+`.service to=`+copied+`.service
			cd /run/systemd/system
			sed -E '/^(Exec|Type=|WatchdogSec=|Restart|RemainAfterExit=|Requires=|Wants=|After=|Sockets=|WantedBy=|StandardOutput=|TimeoutStartSec=)/d; s/%i/x/g' /usr/lib/systemd/system/$from >$to
			mkdir -p $to.d
			for d in /usr/lib/systemd/system/$from.d /etc/systemd/system/$from.d; do [ ! -d $d ] || cp $d/*.conf $to.d/; done
			printf '[Service]\nType=oneshot\nExecStart=/bin/sh /usr/local/bin/attempts\nStandardOutput=file:/run/attempts\nTimeoutStartSec=120\n' >$to.d/99-shell.conf
			rm -f /run/attempts
			systemctl daemon-reload
			systemctl start $to
			cat /run/attempts
			rm -r $to $to.d`)
		got := strings.Split(strings.TrimSpace(out), "\n")
		for _, what := range got {
			if what != "" && !slices.Contains(may, what) {
				t.Errorf("%s may do too much: %s", service, what)
			}
		}
		if len(may) > 0 && !slices.Contains(got, may[0]) {
			t.Errorf("%s may not do its work: %s", service, may[0])
		}
	}
	m.Run(t, "systemctl", "daemon-reload")
	// And the services themselves, but for the supervisor, which is root's.
	out := m.Shell(t, `for u in $(systemctl list-units --plain --no-legend --state=running 'bugspark-*.service' | cut -d' ' -f1); do
		pid=$(systemctl show -p MainPID --value $u)
		echo $u $(awk '/^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):/ {printf "%s%s ", $1, $2}' /proc/$pid/status); done`)
	for line := range strings.Lines(out) {
		const nothing = "CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2"
		if name, has, _ := strings.Cut(strings.TrimSpace(line), " "); name != "bugspark-supervisor.service" && has != nothing {
			t.Errorf("%s runs with %s", name, has)
		}
	}
	if n := strings.Count(out, "\n"); n < 7 {
		t.Errorf("only %d services run:\n%s", n, out)
	}
	healthy(t, m)
}
