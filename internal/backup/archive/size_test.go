package archive

import (
	"strings"
	"testing"
)

// Only the archiver's own key could sign such a file, and it passes over files of another
// size in the spool.
func TestASegmentOfAnotherSizeIsDamage(t *testing.T) {
	for name, want := range map[string]string{
		"wal/7/000000010000000000000003":                   "has 512 bytes and not 16777216",
		"wal/7/000000010000000000000003.00000000-00008192": "has 512 bytes and not 8192",
		"pictures/x/y/01a21f30-ebda-792c-92b3.png":         "",
		"wal/7/00000002.history":                           "",
		"wal/7/000000010000000000000003.not-a-number":      "",
	} {
		err := checkWAL(name, make([]byte, walHeader), 512)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
