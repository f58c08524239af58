package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/config"
)

// What the jobs of the backups remember, each in a file of its own below
// STATE/backup, for status, checks and metrics.
const (
	setMemory    = "last-set.json"
	drillMemory  = "last-drill.json"
	verifyMemory = "last-verify.json"
	walMemory    = "wal.json"
	copyMemory   = "last-copy.json"
	setWanted    = "set-wanted" // watched by bugspark-backup.path
)

// rememberedSet is the last set that was saved.
type rememberedSet struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`        // what it holds was so then, at least
	Start   string    `json:"start_lsn"` // of its copy of the database
	Seconds float64   `json:"seconds"`
}

// rememberedVerify is what the last verification found.
type rememberedVerify struct {
	At      time.Time `json:"at"`
	Full    time.Time `json:"full"` // the last one that read every byte
	Damaged []string  `json:"damaged,omitempty"`
}

// backupMemory is all of it; a zero value is a job that never ran.
type backupMemory struct {
	Set    rememberedSet      `json:"set"`
	Verify rememberedVerify   `json:"verify"`
	Drill  backup.DrillReport `json:"drill"`
	WAL    archive.State      `json:"wal"`
	Copy   rememberedCopy     `json:"copy"`
}

func readMemory(d config.Dirs) (backupMemory, error) {
	var m backupMemory
	for name, into := range map[string]any{setMemory: &m.Set, verifyMemory: &m.Verify, drillMemory: &m.Drill, walMemory: &m.WAL, copyMemory: &m.Copy} {
		data, err := os.ReadFile(filepath.Join(d.State, "backup", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			return m, fmt.Errorf("reading the state of the backups: %s: %w", name, err)
		}
	}
	return m, nil
}

// saved remembers a set, and that it answers a request made before it began.
func (v *vault) saved(s savedSet, began time.Time) error {
	if info, err := os.Stat(v.state(setWanted)); err == nil && info.ModTime().Before(began) {
		if err := os.Remove(v.state(setWanted)); err != nil {
			return fmt.Errorf("taking back the request for a set: %w", err)
		}
	}
	return v.remember(setMemory, rememberedSet{s.ID, s.Document.CreatedAt, s.Document.Database.Start, s.Took})
}
