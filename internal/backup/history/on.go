package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// TurnOn remembers since when the backups go to a place, and tells whether they
// went to another one before. An empty place turns them off. Notes that cannot be read
// are a problem that the status tells: what On held is then written anew.
func TurnOn(d config.Dirs, place string, now time.Time) (moved bool, err error) {
	h := Known(d)
	before := h.On.Place
	switch {
	case before == place:
		return false, nil
	case place == "":
		if err := os.Remove(File(d, OnFile)); err != nil {
			return false, fmt.Errorf("remembering that backups are off: %w", err)
		}
		return false, durable.SyncDir(File(d, ""))
	case before == "":
		// Off and on again elsewhere is a move as well.
		before = h.Set.Place
	}
	// The request comes first: an interruption in between repeats it.
	if moved = before != "" && before != place; moved {
		if err := RequestSet(d, "backups go to "+place); err != nil {
			return false, err
		}
	}
	return moved, Write(d, OnFile, On{Place: place, Since: now.UTC()})
}

// RequestDrill asks for a drill at once.
func RequestDrill(d config.Dirs) error {
	if err := AskDrillLater(d); err != nil {
		return err
	}
	return pull(d, DrillBell)
}

// AskDrillLater asks for a drill without starting one now; RepeatDrill does.
func AskDrillLater(d config.Dirs) error {
	if err := durable.WriteFile(File(d, drillWanted), nil, 0o644); err != nil {
		return fmt.Errorf("asking for a drill: %w", err)
	}
	return nil
}

// RepeatDrill asks again for a drill that was requested and not held, as after one that
// was interrupted.
func RepeatDrill(d config.Dirs, now time.Time) error {
	info, err := os.Stat(File(d, drillWanted))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking for the request for a drill: %w", err)
	case now.Sub(info.ModTime()).Abs() < repeatRequest: // a clock that was ahead dates it in the future
		return nil
	}
	return RequestDrill(d)
}

// DrillWanted tells whether a drill was asked for that was not held yet.
func DrillWanted(d config.Dirs) (bool, error) {
	_, err := os.Stat(File(d, drillWanted))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Drilled takes back the request for a drill.
func Drilled(d config.Dirs) error {
	if err := os.Remove(File(d, drillWanted)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking back the request for a drill: %w", err)
	}
	return nil
}
