package machinetest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// TestFloods has ten thousand slow connections, then two hundred uploads at once, then
// HTTP/2 connections that ask for signs of life without end, then a disk at its reserve. Others are served all the while, what API and proxy take of the
// memory is bounded, no acknowledged report is lost, and nothing needs a hand
// afterwards. The figures are printed, not judged.
func TestFloods(t *testing.T) {
	m := installed(t, "trixie")
	m.Shell(t, `mkdir -p /mnt/disk /var/lib/bugspark
		mount -t tmpfs -o size=4g none /mnt/disk
		mkdir /mnt/disk/lib; cp -a /var/lib/bugspark/. /mnt/disk/lib
		mount --bind /mnt/disk/lib /var/lib/bugspark`)
	s := setUp(t, m)
	// The bounds of one address that everybody begins with, but for the honest reports.
	m.Shell(t, "sed -i 's/picture_mib_per_address: 0/picture_mib_per_address: 100/' /etc/bugspark/bugspark.yaml; bugspark apply")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m.Copy(t, self, "/root/flood")
	honest := startPacedLoad(s, "honest", 50*time.Millisecond)
	f := &floods{m: m, s: s, honest: honest}
	f.window(t, "right after setup", 200)
	f.quiet = f.window(t, "quiet", 1000)

	f.attack(t, "slow", 60*time.Second)
	f.window(t, "after the slow ones", 200)
	f.attack(t, "uploads", 30*time.Second)
	f.window(t, "after the uploads", 200)
	f.attack(t, "pings", 15*time.Second)
	f.window(t, "after the pings", 200)
	honest.end()
	if n := len(honest.failures); n > 0 {
		t.Errorf("%d requests of others failed, the last with %s", n, honest.failures[n-1])
	}
	honest.stored(t, s)
	f.fillDisk(t)
	healthy(t, m)
	if out := m.Shell(t, "systemctl show -p NRestarts --value bugspark-api.service bugspark-proxy.service"); strings.Trim(out, "0\n") != "" {
		t.Errorf("restarts of API and proxy:\n%s", out)
	}
}

type floods struct {
	m      *machine.Machine
	s      *site
	honest *load
	quiet  time.Duration
	from   int // of the honest answers: the first that no window has counted
}

// window waits for so many more answers of others, and prints how long those since the
// last window took.
func (f *floods) window(t *testing.T, what string, more int) time.Duration {
	t.Helper()
	f.honest.progress(t, more)
	f.honest.mu.Lock()
	took := slices.Clone(f.honest.took[f.from:])
	f.from = len(f.honest.took)
	f.honest.mu.Unlock()
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	ratio := ""
	if f.quiet > 0 {
		ratio = fmt.Sprintf(" (%.1f times quiet)", float64(p99)/float64(f.quiet))
	}
	t.Logf("%s: %d requests of others, median %s, p99 %s%s, slowest %s", what, len(took),
		took[len(took)/2].Round(time.Millisecond), p99.Round(time.Millisecond), ratio, took[len(took)-1].Round(time.Millisecond))
	return p99
}

// attack runs an attacker, which gets the lowest priority of the processors: it stands for
// machines elsewhere, and what it computes is none of the server's work. Where the kernel
// groups the processes of a session (sched_autogroup_enabled), nice alone says nothing to
// other sessions: the group has a priority of its own.
func (f *floods) attack(t *testing.T, kind string, length time.Duration) {
	t.Helper()
	f.m.Shell(t, fmt.Sprintf(`rm -f /root/flood.stop; ulimit -n $(ulimit -Hn)
		BUGSPARK_FLOOD=%s BUGSPARK_FLOOD_KEY=%s setsid sh -c '[ ! -e /proc/self/autogroup ] || echo 19 >/proc/self/autogroup; exec nice -n 19 /root/flood' >/root/flood.log 2>&1 </dev/null &`, kind, f.s.key))
	most := 0
	// On a loaded machine the handshakes of ten thousand take a while.
	for begun := time.Now(); time.Since(begun) < length || (kind == "slow" && most < 9000 && time.Since(begun) < 4*time.Minute); time.Sleep(2 * time.Second) {
		n, err := strconv.Atoi(strings.TrimSpace(f.m.Shell(t, `ss -Htn state established '( sport = :443 )' | wc -l`)))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	f.window(t, "during "+kind, 20)
	f.memory(t)
	f.m.Shell(t, `touch /root/flood.stop; for i in $(seq 120); do pgrep -x flood >/dev/null || break; sleep 1; done; ! pgrep -x flood`)
	log := f.m.Read(t, "/root/flood.log")
	t.Logf("%s: at most %d connections at once; %s", kind, most, strings.TrimSpace(grep(log, "opened")))
	if !strings.Contains(log, "opened") {
		t.Errorf("the attacker failed:\n%s", log)
	}
}

func grep(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}

// memory compares what API and proxy ever took with what their units allow. Where
// the machine has no memory controller, the process tells its own largest size.
func (f *floods) memory(t *testing.T) {
	t.Helper()
	for _, name := range []string{"api", "proxy"} {
		var peak, most int64
		out := f.m.Shell(t, fmt.Sprintf(`unit=bugspark-%s.service
			systemctl show -p MemoryMax --value $unit
			peak=/sys/fs/cgroup$(systemctl show -p ControlGroup --value $unit)/memory.peak
			if [ -r $peak ]; then cat $peak; else
				awk '/^VmHWM:/ {printf "%%d\n", $2 * 1024}' /proc/$(systemctl show -p MainPID --value $unit)/status; fi`, name))
		if _, err := fmt.Sscan(out, &most, &peak); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s took at most %d MiB of %d", name, peak>>20, most>>20)
		if peak >= most {
			t.Errorf("%s took %d MiB of %d", name, peak>>20, most>>20)
		}
	}
}

// fillDisk fills the disk of the data.
func (f *floods) fillDisk(t *testing.T) {
	t.Helper()
	id, err := f.s.report("the last one", "")
	if err != nil {
		t.Fatal(err)
	}
	f.m.Shell(t, `fallocate -l $(($(df -B1 --output=avail /mnt/disk | tail -n 1) - 300 * 1024 * 1024)) /mnt/disk/others`)
	send := func(path, kind string, body []byte) (int, string) {
		status, answer, err := f.s.do("POST", path, kind, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return status, string(answer)
	}
	report := []byte(`{"title":"on a full disk","severity":"low","category":"bug"}`)
	refused := func() bool {
		status, _ := send("/api/v1/reports", "application/json", report)
		return status == http.StatusInsufficientStorage
	}
	await(t, "the full disk is noticed", refused)
	if status, answer := send("/api/v1/upload/screenshot", "multipart/form-data; boundary=x", []byte("--x--\r\n")); status != http.StatusInsufficientStorage || !strings.Contains(answer, "disk is almost full") {
		t.Errorf("an upload: %d %s", status, answer)
	}
	f.s.must(t, "GET", "/api/v1/reports/"+id, nil, nil)
	if out, status := f.m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "reports and pictures are refused") {
		t.Errorf("status: %d %s", status, out)
	}
	f.m.Run(t, "rm", "/mnt/disk/others")
	await(t, "reports are taken again", func() bool { return !refused() })
	runs(t, f.m)
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
