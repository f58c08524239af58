package target

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bounds of what a target may answer are those of docs/security.md.
func TestTheBoundsOfTheDocsAreOurs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	if listedAtMost != 1_000_000 {
		t.Errorf("a million files are %d", listedAtMost)
	}
	if silence := 10 * patience(0); silence.Minutes() != 10 {
		t.Errorf("ten minutes are %s", silence)
	}
	row := fmt.Sprintf("no listing of more than a million files, %d,%03d pages or %.0f hours, no file of more than %d MiB, no other answer of more than %d MiB, nothing slower than %d KiB/s once it took ten minutes",
		pagesAtMost/1000, pagesAtMost%1000, longestListing.Hours(), fileAtMost>>20, answerAtMost>>20, slowest>>10)
	if !strings.Contains(string(data), row) {
		t.Errorf("docs/security.md does not say %q", row)
	}
}

// A third of it is what WAL may take that waits (backup.spool_mib): a tenth of the disk,
// 6.6 GiB at most.
func TestWhatBackupsLeaveFree(t *testing.T) {
	const gib = 1 << 30
	for size, want := range map[int64]int64{20 * gib: 6 * gib, 60 * gib: 18 * gib, 1024 * gib: 20 * gib} {
		if got := reserveOf(size); got > want || got < want-gib/100 {
			t.Errorf("of %d GiB: %d", size/gib, got)
		}
	}
}
