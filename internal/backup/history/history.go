// Package history keeps what the backup jobs remember between two runs. Each job
// has a file of its own below STATE/backup, readable by everybody, for status,
// checks and metrics.
package history

import (
	"errors"
	"fmt"
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

	CopyVerifyFile = "last-copy-verify.json"
	CopyDrillFile  = "last-copy-drill.json"
	OnFile         = "on.json"

	ProvenFile     = "last-proven.json"
	CopyProvenFile = "last-copy-proven.json"
)

// drillWanted is there while a drill is asked for.
const drillWanted = "drill-wanted"

// On is since when the backups go to a place.
type On struct {
	Place string    `json:"target"`
	Since time.Time `json:"since"`
}

// SavedSet is the last set that was saved.
type SavedSet struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`        // the set holds the state of this moment, or a later one
	Start   string    `json:"start_lsn"` // of its copy of the database
	Seconds float64   `json:"seconds"`
	// Answers is the request that it answers, empty when there was none.
	Answers string `json:"answers,omitempty"`
	Place   string `json:"target,omitempty"` // where it lies
}

// Verification is what the last verification found.
type Verification struct {
	At      time.Time `json:"at"`
	Full    time.Time `json:"full"`              // of the last verification that read every byte
	Damaged []string  `json:"damaged,omitempty"` // sets
	Archive []string  `json:"archive,omitempty"` // what is wrong with the archive
	Place   string    `json:"target,omitempty"`  // that was verified
}

// CopyRun is the last run that brought the second target up to date.
type CopyRun struct {
	At     time.Time `json:"at"`
	Target string    `json:"target"`
	Since  time.Time `json:"since"` // of the first run onto this target
	// OtherRepository says that runs since then found sets that do not belong to the copy.
	OtherRepository bool `json:"other_repository,omitempty"`
	// NoRoom says that the last run ended because the data needs the rest of its disk.
	NoRoom bool `json:"no_room,omitempty"`
	target.Mirrored
}

// After is what is remembered after a run onto a target. One that failed leaves what was
// known.
func (c CopyRun) After(began time.Time, onto string, m target.Mirrored, err error) CopyRun {
	if c.Target != "" && c.Target != onto {
		c = CopyRun{}
	}
	c.Target = onto
	c.OtherRepository = errors.Is(err, target.ErrOtherRepository)
	c.NoRoom = errors.Is(err, target.ErrBeside)
	if err != nil {
		return c
	}
	if c.At, c.Mirrored = began, m; c.Since.IsZero() {
		c.Since = began
	}
	return c
}

// History is all of it. A job that never ran has a zero value.
type History struct {
	Set    SavedSet           `json:"set"`
	Verify Verification       `json:"verify"`
	Drill  backup.DrillReport `json:"drill"`
	WAL    archive.State      `json:"wal"`
	Copy   CopyRun            `json:"copy"`
	On     On                 `json:"on"`
	Kept   Kept               `json:"kept_sets"`
	Data   Data               `json:"data"`

	// What was found on the second target.
	CopyVerify Verification       `json:"copy_verify"`
	CopyDrill  backup.DrillReport `json:"copy_drill"`

	// The last drills that were passed, whatever came after them.
	Proven     Proof `json:"proven"`
	CopyProven Proof `json:"copy_proven"`

	Runs map[Job]Run `json:"runs,omitempty"`

	Unread []error `json:"-"` // why files of it cannot be read, each with its name
}

// Proof is a drill that was passed.
type Proof struct {
	At    time.Time `json:"at"`
	Point time.Time `json:"recovery_point"` // everything acknowledged before was restored
	Set   string    `json:"set"`
	Place string    `json:"target,omitempty"`
}

// ProofOf is what a passed drill has proven.
func ProofOf(r backup.DrillReport) Proof {
	return Proof{At: r.At, Point: r.Point, Set: r.Set, Place: r.Place}
}

// newest is the proof or, where that is older, the drill: versions before this kept no
// proof of their own.
func (p Proof) newest(r backup.DrillReport) Proof {
	if r.Passed && r.At.After(p.At) {
		return ProofOf(r)
	}
	return p
}

// File is a path below the directory of the backups' state.
func File(d config.Dirs, name string) string { return filepath.Join(d.State, "backup", name) }

// Read reads what all jobs remember.
func Read(d config.Dirs) (History, error) {
	h := Known(d)
	return h, errors.Join(h.Unread...)
}

// Known is what can be read of what all jobs remember. The files belong to the account of
// the backups, whose mistakes must not keep root from the rest.
func Known(d config.Dirs) History {
	var h History
	for _, err := range []error{
		note(d, SetFile, &h.Set), note(d, KeptFile, &h.Kept), note(d, VerifyFile, &h.Verify), note(d, DrillFile, &h.Drill), note(d, WALFile, &h.WAL),
		note(d, CopyFile, &h.Copy), note(d, OnFile, &h.On), note(d, DataFile, &h.Data), note(d, CopyVerifyFile, &h.CopyVerify), note(d, CopyDrillFile, &h.CopyDrill),
		note(d, ProvenFile, &h.Proven), note(d, CopyProvenFile, &h.CopyProven),
	} {
		if err != nil {
			h.Unread = append(h.Unread, err)
		}
	}
	for _, j := range Jobs() {
		var r Run
		if err := note(d, j.file(), &r); err != nil {
			h.Unread = append(h.Unread, err)
		}
		if r.At.IsZero() {
			continue
		}
		if h.Runs == nil {
			h.Runs = map[Job]Run{}
		}
		h.Runs[j] = r
	}
	return h
}

// note reads one file. What cannot be read as a whole leaves nothing of itself.
func note[T any](d config.Dirs, name string, into *T) error {
	var v T
	if _, err := durable.ReadJSON(File(d, name), &v); err != nil {
		return fmt.Errorf("reading the state of the backups: %w", err)
	}
	*into = v
	return nil
}

// Write replaces one file of the backups' state, readable by everybody.
func Write(d config.Dirs, name string, value any) error {
	if err := durable.WriteJSON(File(d, name), value, 0o644); err != nil {
		return fmt.Errorf("remembering the state of the backups: %w", err)
	}
	return nil
}
