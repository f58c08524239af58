package machinetest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// readableByHand follows RESTORE.txt of a dead machine's target, command by
// command, on a machine that has never seen our package.
func readableByHand(t *testing.T, dead *machine.Machine, release, kit string, l *load, through time.Time, shown string, picture []byte) {
	h := machine.Boot(t, machine.Options{Release: release})
	h.Copy(t, filepath.Join(dead.Root(), "srv/backup"), "/mnt/backup")
	h.Write(t, "/root/kit.txt", kit)
	if out, status := h.Try("sh", "-c", "ls -d /usr/bin/bugspark /usr/lib/bugspark"); status == 0 {
		t.Fatalf("this machine is not without us: %s", out)
	}
	h.Run(t, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql", "zstd")
	var script strings.Builder
	commands := 0
	for line := range strings.Lines(h.Read(t, "/mnt/backup/RESTORE.txt")) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			script.WriteString(command)
			commands++
		}
	}
	if commands < 20 {
		t.Fatalf("RESTORE.txt has %d commands", commands)
	}
	before := h.Shell(t, "cd /mnt/backup; find . -type f -exec sha256sum {} + | sort")
	h.Write(t, "/root/by-hand", script.String())
	began := time.Now()
	// A shell at a prompt goes on after an error; so does this one, and what went
	// wrong shows in the end.
	out, _ := h.Try("sh", "/root/by-hand")
	t.Logf("%d commands, %.1f s", commands, time.Since(began).Seconds())
	ids, status := h.Try("psql", "-h", "/var/tmp/rescue/run", "-U", "postgres", "bugspark", "-Atc", "SELECT id FROM bugspark.reports")
	if status != 0 {
		log, _ := h.Try("tail", "-n", "20", "/var/tmp/rescue/run/log")
		t.Fatalf("%s\n%s\n%s", ids, out, log)
	}
	lost := 0
	for i, id := range l.acked {
		if l.at[i].Before(through) && !strings.Contains(ids, id) {
			lost++
		}
	}
	t.Logf("by hand: %d reports, lost = %d of those before the last archived moment", strings.Count(ids, "\n"), lost)
	if lost > 0 {
		t.Errorf("by hand %d archived reports are lost:\n%s", lost, out)
	}
	key := strings.TrimSpace(h.Run(t, "psql", "-h", "/var/tmp/rescue/run", "-U", "postgres", "bugspark", "-Atc",
		"SELECT screenshot_key FROM bugspark.reports WHERE id = '"+shown+"'"))
	if got, status := h.Try("cat", "/var/tmp/rescue/set/objects/"+key); status != 0 || got != string(picture) {
		t.Errorf("the picture %s did not come back: %.200s\n%s", key, got, out)
	}
	if info := h.Run(t, "stat", "-c", "%s", "/var/tmp/rescue/bugspark.dump"); strings.TrimSpace(info) == "0" {
		log, _ := h.Try("tail", "-n", "30", "/var/tmp/rescue/run/log")
		t.Errorf("the dump is empty:\n%s\n%s", out, log)
	}
	if missing := h.Shell(t, `cd /; psql -h /var/tmp/rescue/run -U postgres bugspark -Atc 'SELECT key FROM bugspark.pictures' | while read -r key; do test -e /var/tmp/rescue/set/objects/$key || echo $key; done`); missing != "" {
		t.Errorf("rows without their object:\n%s", missing)
	}
	if after := h.Shell(t, "cd /mnt/backup; find . -type f -exec sha256sum {} + | sort"); after != before {
		t.Error("reading by hand has changed the target")
	}
}

// otherMajor restores a dead machine onto a release with another major version
// of PostgreSQL, which cannot replay its WAL.
func otherMajor(t *testing.T, dead *machine.Machine, s *site, kit, shown string, picture []byte) {
	n := boot(t, "trixie")
	n.Copy(t, filepath.Join(dead.Root(), "srv/backup"), "/mnt/backup")
	n.Write(t, "/root/kit.txt", kit)
	n.Run(t, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql")
	n.Run(t, "apt-get", "install", "-y", "-qq", "bugspark")
	restore := []string{"bugspark", "restore", "--kit", "/root/kit.txt", "--target", "/mnt/backup", "--set", "latest", "--yes"}
	if out, status := n.Try(restore...); status != 3 || !strings.Contains(out, "--logical") {
		t.Errorf("without the right PostgreSQL: %d %s", status, out)
	}
	n.Run(t, "test", "!", "-e", "/etc/bugspark/bugspark.yaml")
	began := time.Now()
	t.Log(n.Run(t, append(restore, "--logical")...))
	t.Logf("onto another major version in %.1f s", time.Since(began).Seconds())
	s.move(t, n)
	s.seesPicture(t, shown, picture)
	healthy(t, n)
	if _, err := s.report("after the move", ""); err != nil {
		t.Error(err)
	}
	archived(t, n)
	eventually(t, "a set of the new cluster", func() bool {
		out, status := n.Try("bugspark", "backup", "show", lastSet(n))
		return status == 0 && strings.Contains(out, `"major": 17`)
	})
	if r, _ := drill(t, n); !r.Passed {
		t.Errorf("drill on the new machine: %+v", r.Failures)
	}
}
