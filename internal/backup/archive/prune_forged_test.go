package archive

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// Whoever owns a target could date files back, and the prune would let go of them, and the
// copy a week later.
func TestAFileThatIsDatedBackDoesNotGo(t *testing.T) {
	now := time.Now()
	begin, old := now.Add(-7*24*time.Hour), now.Add(-100*24*time.Hour)
	f := forgery{t: t, dir: t.TempDir()}
	f.ours = keys(t, target.Directory(f.dir))
	date := func(name string) {
		t.Helper()
		if err := os.Chtimes(f.at(name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{firstSegment, firstPicture} {
		put(t, f.ours, name, "new")
		date(name)
		if err := f.ours.put(t.Context(), map[string]string{firstSegment: secondSegment, firstPicture: secondPicture}[name], bytes.NewReader([]byte("old")), old); err != nil {
			t.Fatal(err)
		}
	}
	const foreignSegment, foreignPicture = "wal/7/0000000100000000000000FF", "pictures/foreign.png"
	for _, name := range []string{foreignSegment, foreignPicture} {
		f.write(name, f.read(firstSegment))
		date(name)
	}
	if gone, err := f.ours.Prune(t.Context(), "7", Needs{}, begin, false); err != nil || gone.Files != 1 {
		t.Errorf("WAL: %+v, %v", gone, err)
	}
	if gone, err := f.ours.PrunePictures(t.Context(), begin.Before, false); err != nil || gone.Files != 1 {
		t.Errorf("pictures: %+v, %v", gone, err)
	}
	for name, there := range map[string]bool{firstSegment: true, secondSegment: false, firstPicture: true, secondPicture: false, foreignSegment: true, foreignPicture: true} {
		if _, err := os.Stat(f.at(name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if gone, err := f.ours.PruneSystem(t.Context(), "7", begin, false); err != nil || gone.Files != 0 {
		t.Errorf("a cluster: %+v, %v", gone, err)
	}
}

// A piece goes because the whole segment is there, which anybody could pretend.
func TestAPieceDoesNotGoForASegmentThatIsForged(t *testing.T) {
	f := forgery{t: t, dir: t.TempDir()}
	f.ours = keys(t, target.Directory(f.dir))
	const piece = firstSegment + ".00000000-00000003"
	put(t, f.ours, piece, "abc")
	put(t, f.ours, secondSegment, "whole")
	f.write(firstSegment, f.read(secondSegment))
	if gone, err := f.ours.Prune(t.Context(), "7", Needs{}, time.Now().Add(-time.Hour), false); err != nil || gone.Files != 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	put(t, f.ours, firstSegment, "abc and more")
	if gone, err := f.ours.Prune(t.Context(), "7", Needs{}, time.Now().Add(-time.Hour), false); err != nil || gone.Files != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
}
