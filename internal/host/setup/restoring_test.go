package setup_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// A machine that is being restored is set up by nothing else, be it that it was set up
// once and has lost its configuration.
func TestARestoreThatHasNotFinishedIsGoneOnWith(t *testing.T) {
	d := config.Dirs{Config: t.TempDir(), State: t.TempDir(), Run: t.TempDir()}
	if err := setup.CheckRestored(d); err != nil {
		t.Fatalf("without a restore: %v", err)
	}
	if err := (setup.Applied{Finished: true}).Write(d); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ empty, want bool }{{true, true}, {false, true}} { // of the second attempt there is data
		if err := setup.BeginRestore(d, setup.Restoring{What: "set x", Empty: c.empty}); err != nil {
			t.Fatal(err)
		}
		r, under, err := setup.ReadRestoring(d)
		if err != nil || !under || r.Empty != c.want {
			t.Errorf("attempt %d: %+v, %v, %v", i, r, under, err)
		}
		if err := setup.CheckRestored(d); fault.Status(err) != int(fault.Preflight) || !strings.Contains(err.Error(), "to set x has not finished") {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	if err := setup.EndRestore(d); err != nil {
		t.Fatal(err)
	}
	// With data in place that was there before the first attempt it stays said so.
	for _, empty := range []bool{false, true} {
		if err := setup.BeginRestore(d, setup.Restoring{What: "set y", Empty: empty}); err != nil {
			t.Fatal(err)
		}
		if r, _, err := setup.ReadRestoring(d); err != nil || r.Empty {
			t.Errorf("data that was there counts as none: %+v, %v", r, err)
		}
	}
	if err := setup.EndRestore(d); err != nil {
		t.Fatal(err)
	}
	if err := setup.EndRestore(d); err != nil {
		t.Error(err)
	}
	if err := setup.CheckRestored(d); err != nil {
		t.Error(err)
	}
}
