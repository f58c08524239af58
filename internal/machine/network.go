package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// network is a network namespace with one link, to the test.
type network struct {
	name  string
	guest string // the machine's address
}

// newNetwork takes the first free one of 200 numbers. A file lock, which the kernel
// releases when this process ends, marks a number as taken.
func newNetwork(t *testing.T) *network {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "bugspark-machines")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 200; i++ {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(i)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			f.Close()
			continue
		}
		n := &network{name: fmt.Sprintf("bsm%d", i), guest: fmt.Sprintf("10.87.%d.2", i)}
		t.Cleanup(func() { f.Close() })
		n.make(t, i)
		return n
	}
	t.Fatal("200 machines run already")
	return nil
}

func (n *network) make(t *testing.T, i int) {
	t.Helper()
	outside := fmt.Sprintf("bsh%d", i)
	// A killed test may have left the devices.
	tryHost("ip", "netns", "del", n.name)
	tryHost("ip", "link", "del", outside)
	host(t, "ip", "netns", "add", n.name)
	t.Cleanup(func() { tryHost("ip", "netns", "del", n.name) })
	host(t, "ip", "link", "add", outside, "type", "veth", "peer", "name", "lan0", "netns", n.name)
	t.Cleanup(func() { tryHost("ip", "link", "del", outside) })
	host(t, "ip", "addr", "add", fmt.Sprintf("10.87.%d.1/30", i), "dev", outside)
	host(t, "ip", "link", "set", outside, "up")
	host(t, "ip", "-n", n.name, "link", "set", "lo", "up")
	host(t, "ip", "-n", n.name, "addr", "add", n.guest+"/30", "dev", "lan0")
	host(t, "ip", "-n", n.name, "link", "set", "lan0", "up")
}
