package repository_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
)

// disk is a file system of its own that can lose its power.
type disk struct{ image, dir string }

func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	d := &disk{filepath.Join(t.TempDir(), "image"), t.TempDir()}
	run(t, "truncate", "-s", "256M", d.image)
	run(t, "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", d.image)
	run(t, "mount", "-o", "loop", d.image, d.dir)
	t.Cleanup(func() { run(t, "umount", d.dir) })
	return d
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v %s", name, args, err, out)
	}
}

// cut takes the power: what the file system has not written is lost.
func (d *disk) cut(t *testing.T) {
	t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const shutdown, withoutLog = 0x8004587d, uint32(2)
	how := withoutLog
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&how))); errno != 0 {
		t.Fatal(errno)
	}
}

// restart mounts it again, as a machine does that comes up. It mounts a copy of the
// image: a mount namespace that began meanwhile, such as that of another test's
// machine, keeps the dead file system mounted, and a second mount of the same
// image would only find that one.
func (d *disk) restart(t *testing.T) {
	t.Helper()
	run(t, "umount", d.dir)
	next := d.image + "'"
	run(t, "cp", "--sparse=always", d.image, next)
	if err := os.Remove(d.image); err != nil {
		t.Fatal(err)
	}
	d.image = next
	run(t, "mount", "-o", "loop", d.image, d.dir)
}

// A set that was reported as saved outlives a power cut of its target at any
// later moment, and one that is being saved then never damages it.
func TestSavedSetsOutliveAPowerCut(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	o := options(t)
	o.Target = target.Directory(d.dir)
	if err := repository.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	saved := map[string]bool{}
	began := time.Now()
	save1 := func(ctx context.Context, seed byte) error {
		r, err := repository.Open(ctx, o)
		if err != nil {
			return err
		}
		defer r.Close(context.WithoutCancel(ctx))
		id, err := save(t, r, noise(seed, 3<<20), &tree{files: map[string][]byte{"a.png": noise(seed, 70_000)}, at: time.Now()})
		if err == nil {
			saved[id] = true
		}
		return err
	}
	if err := save1(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	broken := 0
	for i := range 12 {
		done := make(chan error, 1)
		go func() { done <- save1(t.Context(), byte(i+1)) }()
		time.Sleep(rand.N(3 * took))
		d.cut(t)
		if err := <-done; err != nil {
			broken++
		}
		d.restart(t)
		r, err := repository.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("after cut %d: %v", i, err)
		}
		var ids []string
		for id := range saved {
			ids = append(ids, id)
		}
		verdicts, err := r.Verify(t.Context(), ids, 100)
		if err != nil || len(verdicts) != len(ids) {
			t.Fatalf("after cut %d: %v", i, err)
		}
		for _, v := range verdicts {
			if len(v.Damages) > 0 {
				t.Fatalf("after cut %d set %s is damaged: %v", i, v.ID, v.Damages)
			}
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("12 cuts, %d in the middle of a set; %d sets saved", broken, len(saved))
}
