package machinetest

import (
	"fmt"
	"strings"
	"testing"
)

// TestBackupsLeaveTheDataItsDisk has database, pictures and backups on one small
// disk, which fills.
func TestBackupsLeaveTheDataItsDisk(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	m.Shell(t, `mkdir -p /mnt/disk /var/lib/bugspark
		mount -t tmpfs -o size=3g none /mnt/disk
		mkdir /mnt/disk/lib /mnt/disk/backups
		cp -a /var/lib/bugspark/. /mnt/disk/lib
		mount --bind /mnt/disk/lib /var/lib/bugspark
		mount --bind /mnt/disk/backups /var/backups`)
	s := setUpWith(t, m, "")
	firstSet(t, m)
	archived(t, m)
	firstDrill(t, m) // what it unpacks goes again, and would leave room
	const reserve = 3 << 30 / 100 * 30
	free := func() int64 {
		var n int64
		if _, err := fmt.Sscan(m.Shell(t, "df -B1 --output=avail /mnt/disk | tail -n 1"), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Others fill the disk up to what the data needs.
	m.Run(t, "fallocate", "-l", fmt.Sprint(free()-reserve+1<<20), "/mnt/disk/others")
	out, status := m.Try("bugspark", "backup", "create")
	if status != 1 || !strings.Contains(out, "the disk of database and pictures") || !strings.Contains(out, "set backup.target") {
		t.Errorf("create on a full disk: %d %s", status, out)
	}
	for range 200 {
		if _, err := s.report("goes on "+strings.Repeat("x", 100), ""); err != nil {
			t.Fatalf("the database stopped: %v", err)
		}
	}
	if now := free(); now < reserve*2/3 {
		t.Errorf("only %d of the reserve of %d are left", now, reserve)
	}
	if out, status := m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "no backup is taken") {
		t.Errorf("status: %d %s", status, out)
	}
	m.Run(t, "rm", "/mnt/disk/others")
	m.Run(t, "bugspark", "backup", "create")
	archived(t, m)
}
