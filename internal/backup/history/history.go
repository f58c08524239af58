// Package history keeps what the backup jobs remember between two runs. Each job
// has a file of its own below STATE/backup, readable by everybody, for status,
// checks and metrics.
package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// The files of the jobs.
const (
	SetFile    = "last-set.json"
	DrillFile  = "last-drill.json"
	VerifyFile = "last-verify.json"
	WALFile    = "wal.json"
	CopyFile   = "last-copy.json"
)

// setWanted is watched by bugspark-backup.path, which starts a backup.
const setWanted = "set-wanted"

// SavedSet is the last set that was saved.
type SavedSet struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`        // the set holds the state of this moment, or a later one
	Start   string    `json:"start_lsn"` // of its copy of the database
	Seconds float64   `json:"seconds"`
}

// Verification is what the last verification found.
type Verification struct {
	At      time.Time `json:"at"`
	Full    time.Time `json:"full"` // of the last verification that read every byte
	Damaged []string  `json:"damaged,omitempty"`
}

// CopyRun is the last run that brought the second target up to date.
type CopyRun struct {
	At time.Time `json:"at"`
	target.Mirrored
}

// History is all of it. A job that never ran has a zero value.
type History struct {
	Set    SavedSet           `json:"set"`
	Verify Verification       `json:"verify"`
	Drill  backup.DrillReport `json:"drill"`
	WAL    archive.State      `json:"wal"`
	Copy   CopyRun            `json:"copy"`
}

// File is a path below the directory of the backups' state.
func File(d config.Dirs, name string) string { return filepath.Join(d.State, "backup", name) }

// Read reads what all jobs remember.
func Read(d config.Dirs) (History, error) {
	var h History
	for name, into := range map[string]any{SetFile: &h.Set, VerifyFile: &h.Verify, DrillFile: &h.Drill, WALFile: &h.WAL, CopyFile: &h.Copy} {
		if _, err := durable.ReadJSON(File(d, name), into); err != nil {
			return h, fmt.Errorf("reading the state of the backups: %w", err)
		}
	}
	return h, nil
}

// Write replaces one file of the backups' state, readable by everybody.
func Write(d config.Dirs, name string, value any) error {
	if err := durable.WriteJSON(File(d, name), value, 0o644); err != nil {
		return fmt.Errorf("remembering the state of the backups: %w", err)
	}
	return nil
}

// RequestSet asks for a set at once, through the path unit that watches the file.
func RequestSet(d config.Dirs, why string) error {
	if err := durable.WriteFile(File(d, setWanted), []byte(why+"\n"), 0o644); err != nil {
		return fmt.Errorf("asking for a new set: %w", err)
	}
	return nil
}

// repeatRequest is how long a requested set may take before it is asked for again.
const repeatRequest = 10 * time.Minute

// requestDue tells whether a request made at a time is to be repeated.
func requestDue(requested, now time.Time) bool { return now.Sub(requested) >= repeatRequest }

// RepeatRequest asks again for a set that was requested and did not come, perhaps
// because the target was away.
func RepeatRequest(d config.Dirs, now time.Time) error {
	path := File(d, setWanted)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !requestDue(info.ModTime(), now) {
		return nil
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err == nil {
		err = durable.WriteFile(path, data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("asking again for a new set: %w", err)
	}
	return nil
}

// Saved remembers a set, and that it answers a request made before it began.
func Saved(d config.Dirs, s SavedSet, began time.Time) error {
	if info, err := os.Stat(File(d, setWanted)); err == nil && info.ModTime().Before(began) {
		if err := os.Remove(File(d, setWanted)); err != nil {
			return fmt.Errorf("taking back the request for a set: %w", err)
		}
	}
	return Write(d, SetFile, s)
}
