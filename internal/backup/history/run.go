package history

import (
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// Job is what runs by a timer, and on request.
type Job string

// The jobs.
const (
	TakeSet    Job = "set"
	Prune      Job = "prune"
	Verify     Job = "verify"
	Drill      Job = "drill"
	Copy       Job = "copy"
	CopyVerify Job = "copy-verify"
	CopyDrill  Job = "copy-drill"
)

// Jobs lists them, in the order in which problems are told.
func Jobs() []Job { return []Job{TakeSet, Prune, Verify, Drill, Copy, CopyVerify, CopyDrill} }

// Place is the target that a job works on.
func (j Job) Place(b config.Backup) string {
	switch j {
	case Copy, CopyVerify, CopyDrill:
		return b.Copy.Place()
	}
	return b.Place()
}

func (j Job) file() string { return "run-" + string(j) + ".json" }

// Run is how the last run of a job ended.
type Run struct {
	At      time.Time `json:"at"`
	Place   string    `json:"target"`
	Failure string    `json:"failure,omitempty"` // why it failed; empty when it did what it should
	Next    string    `json:"next,omitempty"`    // what to do about that
}

// Ended remembers how a run of a job ended.
func Ended(d config.Dirs, j Job, r Run) error { return Write(d, j.file(), r) }
