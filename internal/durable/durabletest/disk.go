// Package durabletest has disks that lose their power, for tests of what must
// survive that.
package durabletest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is an ext4 file system of its own.
type Disk struct {
	Dir   string // where it is mounted
	image string
}

// NewDisk mounts an empty disk of a size such as "64M". Users that may not mount
// skip the test.
func NewDisk(t *testing.T, size string) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	d := &Disk{Dir: t.TempDir(), image: filepath.Join(t.TempDir(), "image")}
	run(t, "truncate", "-s", size, d.image)
	run(t, "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", d.image)
	run(t, "mount", "-o", "loop", d.image, d.Dir)
	t.Cleanup(func() { run(t, "umount", d.Dir) })
	return d
}

// Sync brings everything to the disk.
func (d *Disk) Sync(t *testing.T) {
	t.Helper()
	f, err := os.Open(d.Dir)
	if err == nil {
		err = errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The ioctl of ext4 that ends a file system at once, and its ways: everything is
// written before, or what is not yet in the journal on the disk is lost.
const (
	shutdown   = 0x8004587d
	flushed    = uint32(0)
	withoutLog = uint32(2)
)

// Cut takes the power: what was not synced is lost. With lucky the disk had written
// everything in time, which a program can rely on as little.
func (d *Disk) Cut(t *testing.T, lucky bool) {
	t.Helper()
	f, err := os.Open(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	how := withoutLog
	if lucky {
		how = flushed
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&how))); errno != 0 {
		t.Fatal(errno)
	}
}

// Restart mounts the disk again, as a machine does that comes up. It mounts a copy
// of the image: a mount namespace that began meanwhile, such as that of another
// test's machine, keeps the dead file system mounted, and a second mount of the
// same image would only find that one.
func (d *Disk) Restart(t *testing.T) {
	t.Helper()
	run(t, "umount", d.Dir)
	next := d.image + "'"
	if strings.HasSuffix(d.image, "''''") {
		next = strings.TrimRight(d.image, "'")
	}
	run(t, "cp", "--sparse=always", d.image, next)
	if err := os.Remove(d.image); err != nil {
		t.Fatal(err)
	}
	d.image = next
	run(t, "mount", "-o", "loop", d.image, d.Dir)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v %s", name, args, err, out)
	}
}
