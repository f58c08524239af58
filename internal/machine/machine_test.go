package machine_test

import (
	"testing"

	"github.com/bugspark/bugspark/internal/machine"
)

func TestADiskSurvivesAPowerCutAndTheNetworkLeadsNowhere(t *testing.T) {
	t.Parallel()
	m := machine.Boot(t, machine.Options{Release: "bookworm"})
	m.Shell(t, "echo kept >/var/lib/note; sync")
	if out, status := m.Try("ping", "-c1", "-W1", "192.0.2.1"); status == 0 {
		t.Errorf("the machine has a way out: %s", out)
	}
	pid1 := m.Run(t, "systemctl", "show", "--property=UserspaceTimestampMonotonic")
	m.Kill(t)
	m.Start(t)
	if got := m.Run(t, "cat", "/var/lib/note"); got != "kept\n" {
		t.Errorf("the note is %q", got)
	}
	if m.Run(t, "systemctl", "show", "--property=UserspaceTimestampMonotonic") == pid1 {
		t.Error("the machine did not boot again")
	}
}
