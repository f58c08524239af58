package machinetest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// world is what every sequence begins with: the disk of a machine on which the
// packages are installed, that of one which is set up and has its first set, and
// its backup target. They are made once.
type world struct {
	blank, ready *machine.Machine
	targets      string // of the machine that is ready: the directories one and two
	site         *site
	kit          string
	pictures     map[string][]byte
}

// mounts makes the targets mounts inside the machine, so that one can go away.
const mounts = `mkdir -p /srv/disks/one /srv/disks/two /srv/one /srv/two
	printf '/srv/disks/one /srv/one none bind 0 0\n/srv/disks/two /srv/two none bind 0 0\n' >/etc/fstab`

func newWorld(t *testing.T, release string) *world {
	t.Helper()
	w := &world{pictures: map[string][]byte{}}
	w.blank = installed(t, release)
	w.blank.Shell(t, mounts+"; sync")
	w.blank.Kill(t)
	// Every machine has an id of its own, except for one that is booted again.
	if err := os.Remove(filepath.Join(w.blank.Root(), "etc/machine-id")); err != nil {
		t.Fatal(err)
	}
	w.targets = newTargets(t)
	w.ready = w.boot(t, w.blank, w.targets)
	began := time.Now()
	w.site = setUpWith(t, w.ready, "  logins_per_address: 6000\nbackup:\n  target: /srv/one\n")
	for range 2 {
		picture := smallPicture(t, uint64(len(w.pictures)))
		id, err := w.site.report("there from the beginning", w.site.upload(t, picture))
		if err != nil {
			t.Fatal(err)
		}
		w.pictures[id] = picture
	}
	confirmKit(t, w.ready)
	firstSet(t, w.ready)
	archived(t, w.ready)
	drilled(t, w.ready, began) // or each sequence would have it once more
	w.kit = w.ready.Run(t, "bugspark", "backup", "kit")
	// Recovery after a power cut would write every file of the database once more.
	w.ready.Shell(t, "systemctl stop 'bugspark*'; sync")
	w.ready.Kill(t)
	return w
}

// newTargets makes two empty directories on the host.
func newTargets(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "bstargets-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (w *world) boot(t *testing.T, disk *machine.Machine, targets string) *machine.Machine {
	t.Helper()
	return machine.Boot(t, machine.Options{Disk: disk, Mounts: map[string]string{
		"/srv/disks/one": filepath.Join(targets, "one"), "/srv/disks/two": filepath.Join(targets, "two"),
	}})
}

// begin boots the machine that is ready, with a target of its own.
func (w *world) begin(t *testing.T) *sequence {
	t.Helper()
	dir := newTargets(t)
	if out, err := exec.Command("cp", "-a", "--reflink=auto", w.targets+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("copying the target: %v %s", err, out)
	}
	q := &sequence{t: t, world: w, targets: dir, target: "one", kit: w.kit, m: w.boot(t, w.ready, dir)}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := *w.site
	s.client = &http.Client{Jar: jar}
	q.s = &s
	q.s.move(t, q.m)
	return q
}

// smallPicture is another picture for every number.
func smallPicture(t *testing.T, n uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(n, 1))
	img := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		img.Set(i%32, i/32, color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
