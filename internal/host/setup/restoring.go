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

// Restoring is there from when a restore begins to make a new machine what a set says
// until the restored data is in place. What setup or apply would make of it meanwhile is an
// empty server with the old one's keys.
type Restoring struct {
	What  string `json:"what"`
	Empty bool   `json:"empty"` // no data was in place when the first attempt began
}

func restoringFile(d config.Dirs) string { return filepath.Join(d.State, "setup", "restoring.json") }

// ReadRestoring tells whether a restore of this machine has not finished.
func ReadRestoring(d config.Dirs) (r Restoring, under bool, err error) {
	under, err = durable.ReadJSON(restoringFile(d), &r)
	if err != nil {
		err = fmt.Errorf("looking whether a restore has finished: %w", err)
	}
	return r, under, err
}

// BeginRestore notes that this machine is being restored. Data that an attempt before has
// put into place is none that was there.
func BeginRestore(d config.Dirs, r Restoring) error {
	before, again, err := ReadRestoring(d)
	if err != nil {
		return err
	}
	if again {
		r.Empty = before.Empty
	}
	if err := os.MkdirAll(filepath.Dir(restoringFile(d)), 0o700); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	return durable.WriteJSON(restoringFile(d), r, 0o600)
}

// EndRestore takes the note away.
func EndRestore(d config.Dirs) error {
	if err := os.Remove(restoringFile(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking away the note of the restore: %w", err)
	}
	return nil
}

// CheckRestored refuses a machine whose restore has not finished, whatever else is known
// of it.
func CheckRestored(d config.Dirs) error {
	r, under, err := ReadRestoring(d)
	if err != nil || !under {
		return err
	}
	return fault.New(fault.Preflight, "run the same 'bugspark restore --kit FILE ...' again; to begin without that data, remove "+restoringFile(d),
		"the restore of this machine to %s has not finished", r.What)
}
