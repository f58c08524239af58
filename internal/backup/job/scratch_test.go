package job

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/fault"
)

// Where a service runs what was restored, no other directory is right.
func TestADrillOfTheServiceTakesNoDirectoryOfTheCallers(t *testing.T) {
	j := &Jobs{RestoredData: "/var/lib/bugspark/scratch/data"}
	err := j.checkScratch(t.TempDir())
	if fault.Status(err) != fault.Status(fault.New(fault.Usage, "", "")) || !strings.Contains(strings.Join(fault.Hints(err), " "), "/var/lib/bugspark/scratch") {
		t.Errorf("%v", err)
	}
	if err := j.checkScratch(""); err != nil {
		t.Error(err)
	}
	if err := (&Jobs{}).checkScratch(t.TempDir()); err != nil {
		t.Error(err)
	}
}
