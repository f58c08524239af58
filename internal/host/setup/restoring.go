package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// restoringFile is there from when a restore begins to make a new machine what a set says
// until it has. What it would set up otherwise is an empty server, with the old one's keys.
func restoringFile(d config.Dirs) string { return filepath.Join(d.State, "setup", "restoring") }

// BeginRestore notes that this machine is being restored to a state.
func BeginRestore(d config.Dirs, what string) error {
	if err := os.MkdirAll(filepath.Dir(restoringFile(d)), 0o700); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	return durable.WriteFile(restoringFile(d), []byte(what+"\n"), 0o600)
}

// EndRestore takes the note away.
func EndRestore(d config.Dirs) error {
	if err := os.Remove(restoringFile(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking away the note of the restore: %w", err)
	}
	return nil
}

// CheckRestored refuses a machine whose restore has not finished.
func CheckRestored(d config.Dirs) error {
	what, err := os.ReadFile(restoringFile(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking whether a restore has finished: %w", err)
	}
	applied, err := ReadApplied(d)
	if err != nil || applied.Finished {
		return err // only the note is left
	}
	return fault.New(fault.Preflight, "run the same 'bugspark restore --kit FILE ...' again; to begin without that data, remove "+restoringFile(d),
		"the restore of this machine to %s has not finished", string(what[:max(0, len(what)-1)]))
}
