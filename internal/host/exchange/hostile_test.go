package exchange_test

import (
	"os"
	"path/filepath"
	"testing"
)

// The account of the database owns the directory, and may put links where a restore has
// its copy.
func TestNothingOutsideIsPutIntoPlace(t *testing.T) {
	s, copied := prepare(t)
	outside := filepath.Join(t.TempDir(), "of root")
	s.write(filepath.Join(outside, "database"), "root's")
	e := s.exchanger()
	if err := os.RemoveAll(e.Next()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, e.Next()); err != nil {
		t.Fatal(err)
	}
	if err := e.Swap(t.Context(), copied, "a set"); err == nil {
		t.Error("what a link leads to came into place")
	}
	if got := read(t, filepath.Join(outside, "database")); got != "root's" || s.live() != "old" || !s.up() {
		t.Errorf("outside %q, live %q", got, s.live())
	}
	if err := e.Clear(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(outside, "database")); got != "root's" {
		t.Errorf("clearing away went through the link: %q", got)
	}
}
