package machinetest

import (
	"strings"
	"testing"
)

// TestRootReadsATargetWithoutSets looks for sets as root before the first one is there. What
// it left behind kept the account of the backups from every set; such a target is mended by
// apply.
func TestRootReadsATargetWithoutSets(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	setUpWith(t, m, "")
	firstSet(t, m)
	m.Shell(t, `systemctl stop bugspark-backup.socket bugspark-backup-drill.socket bugspark-walship.service
		while systemctl is-active --quiet bugspark-backup.service bugspark-backup-drill.service; do sleep 1; done
		cp `+local+`/sets/.shards /root/shards; rm -rf `+local+`/sets /var/lib/bugspark/backup/lock`)
	for _, command := range []string{"restore --list", "restore --set latest --dry-run", "restore --set latest --yes", "backup list", "backup show latest", "backup verify"} {
		if out, status := m.Try("sh", "-c", "bugspark "+command); status != 1 || !strings.Contains(out, "next: bugspark backup create") {
			t.Errorf("%s: %d %s", command, status, out)
		}
	}
	if out := m.Shell(t, "find "+local+" /var/lib/bugspark/backup/lock -not -user bugspark-backup; find "+local+" -name sets"); out != "" {
		t.Errorf("who only reads has left\n%s", out)
	}
	m.Run(t, "systemctl", "start", "bugspark-backup.service")

	m.Shell(t, `rm -rf `+local+`/sets; mkdir -m 0700 `+local+`/sets; install -m 0600 /root/shards `+local+`/sets/.shards`)
	if out, status := m.Try("bugspark", "backup", "create"); status != 1 || !strings.Contains(out, "next: bugspark apply") {
		t.Errorf("with what older versions left behind: %d %s", status, out)
	}
	m.Run(t, "bugspark", "apply")
	m.Run(t, "systemctl", "start", "bugspark-backup.service")
	if out := m.Shell(t, "find "+local+" -not -user bugspark-backup"); out != "" {
		t.Errorf("not the account's own:\n%s", out)
	}
	applyIsIdle(t, m)
}
