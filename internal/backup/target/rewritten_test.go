package target_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// The archiver signs anew what tells of a timeline, after its key has changed. The copy
// takes that over, and still nothing that others have put in its place.
func TestTheCopyTakesOverWhatTheProgramHasWrittenAnew(t *testing.T) {
	const told, other = "archive/wal/7/00000002.live.zst.age", "archive/wal/7/000000010000000000000001.zst.age"
	from, to := newMemory(), newMemory()
	journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: time.Now}
	ours := target.Journaled{Store: from, Journal: journal}
	m := &target.Mirror{From: from, To: to, Journal: journal, Delete: true, Now: time.Now}
	run := func(rule, want string, changed int) {
		t.Helper()
		got, err := m.Run(t.Context())
		if err != nil || got.Changed != changed || to.files[told] != want {
			t.Errorf("%s: %+v, %q, %v", rule, got, to.files[told], err)
		}
	}
	since := time.Now().Add(-time.Hour)
	put(t, ours, told, "signed before", since)
	put(t, ours, other, "WAL", since)
	run("the first time", "signed before", 0)
	put(t, from, told, "put there by others", since)
	run("written by others", "signed before", 1)
	put(t, ours, told, "signed BEFORE", since)
	run("of the same size", "signed BEFORE", 0)
	put(t, ours, told, "signed anew", since)
	put(t, ours, other, "more WAL", since)
	run("what is written once stays", "signed anew", 1)
	put(t, from, told, "others, after it was copied", since)
	run("and what was copied since", "signed anew", 2)
}
