package cli

import (
	"testing"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/target"
)

func TestADryRunOfACopyTakesNoTime(t *testing.T) {
	c := job.Copied{Mirrored: target.Mirrored{Copied: 2, Bytes: 60_200_000, Files: 5, Total: 70_000_000}, Seconds: 0.04}
	for dryRun, want := range map[bool]string{
		true:  "Would copy 2 files (60.2 MB), and let 0 go (0 later); the copy has 5 files, 70.0 MB.",
		false: "Copied 2 files (60.2 MB) in 0.0 s, and let 0 go (0 later); the copy has 5 files, 70.0 MB.",
	} {
		if got := copied(c, dryRun); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
