package systemd

import (
	"math"
	"os"
	"os/exec"
	"testing"
)

// TestMemoryIsReadFromTheProcessWhereSystemdDoesNotTell asks for this process.
func TestMemoryIsReadFromTheProcessWhereSystemdDoesNotTell(t *testing.T) {
	m := fakeManager(t, &fakeBus{properties: map[string]map[string]any{
		api: {"ActiveState": "active", "MemoryCurrent": uint64(math.MaxUint64), "MainPID": uint32(os.Getpid())},
	}})
	m.memory = memoryOf
	got, err := m.Status(t.Context(), api)
	if err != nil || got[0].Memory < 1<<20 {
		t.Errorf("%+v, %v", got, err)
	}
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, pid := range children(uint32(os.Getpid())) {
		found = found || int(pid) == child.Process.Pid
	}
	if !found {
		t.Error("a child is not found")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // which says that it was killed
	if n := memoryOf(uint32(child.Process.Pid)); n != 0 {
		t.Errorf("a process that is gone occupies %d bytes", n)
	}
}
