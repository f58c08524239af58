package target_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// The owner of the first target puts files there whose names nothing of ours has.
func TestAMirrorCopiesOnlyNamesOfOurs(t *testing.T) {
	hex := strings.Repeat("0a", 16)
	ours := []string{
		"RESTORE.txt", "rescue/kopia",
		"sets/.shards", "sets/kopia.repository.f", "sets/kopia.blobcfg.f", "sets/kopia.maintenance.f", "sets/xw1764192000.f", "sets/xe3.f",
		"sets/p/" + hex[:3] + "/" + hex[3:] + "-se6e45042b9d73426147.f", "sets/q/" + hex[:3] + "/" + hex[3:] + "-se6e45042b9d73426147.f",
		"sets/s/" + hex[:3] + "/" + hex[3:] + "-se6e45042b9d73426147.f",
		"sets/x/n0_/" + hex + "-se6e45042b9d73426147-c1.f", "sets/x/n12/_" + hex + "-se6e45042b9d73426147-c1.f", "sets/x/s2_/" + hex + "-s0123456789abcdef-c1.f", "sets/x/r0_/7_" + hex + "-s0123456789abcdef-c2.f",
		"archive/wal/7000/000000010000000000000001.zst.age", "archive/wal/7000/000000010000000000000001.00000000-00000010.zst.age",
		"archive/wal/7000/00000002.history.zst.age", "archive/wal/7000/00000002.live.zst.age", "archive/pictures/p/2026/a.png.zst.age",
	}
	foreign := []string{
		"sets/xn0_garbage", "sets/xn0_garbage.f", "sets/n00/garbage", "sets/x/n0_/short.f", "sets/x/n0_/" + hex, "sets/x/n0/_" + hex + ".f", "sets/p/movie.mkv", "sets/kopia/x.f",
		"archive/other", "archive/wal/7000/notes.txt", "archive/wal/7000/FFFFFFFE.live", "archive/wal/x/00000002.live.zst.age", "archive/pictures/a.png",
	}
	from, to := newMemory(), newMemory()
	for _, name := range append(ours, foreign...) {
		put(t, from, name, "body", time.Time{})
	}
	m := &target.Mirror{From: from, To: to, Journal: &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: time.Now}, Now: time.Now}
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range ours {
		if _, ok := to.files[name]; !ok {
			t.Errorf("%s is not copied", name)
		}
	}
	for _, name := range foreign {
		if _, ok := to.files[name]; ok {
			t.Errorf("%s is copied", name)
		}
	}
}
