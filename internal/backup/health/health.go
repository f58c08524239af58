// Package health judges the backups: what the jobs remember, against the
// configuration and the clock.
package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/quantity"
)

// Limits beyond which something is wrong.
const (
	MaxSetAge   = 50 * time.Hour // of daily sets
	maxWALAge   = 15 * time.Minute
	maxDrillAge = 9 * 24 * time.Hour // of weekly drills
	maxCopyAge  = 26 * time.Hour     // of daily copies
	minFree     = 2 << 30            // bytes on the target
)

// Problem is one thing that is not as it should be. In the JSON of a Status it is
// its text.
type Problem struct {
	Key  string // the same for the same problem, whatever ages and sizes the text has
	Text string
}

// MarshalText returns the text.
func (p Problem) MarshalText() ([]byte, error) { return []byte(p.Text), nil }

// The keys of problems.
const (
	TargetAway     = "target-away"
	TargetLowSpace = "target-low-space"
	SetTooOld      = "set-too-old"
	WALNotArchived = "wal-not-archived"
	WALGap         = "wal-gap"
	CopyTooOld     = "copy-too-old"
	SetsDamaged    = "sets-damaged"
	DrillFailed    = "drill-failed"
	DrillTooOld    = "drill-too-old"
)

// Status is how the backups are.
type Status struct {
	State    string     `json:"state"`                 // off, unconfirmed, on
	Proven   *time.Time `json:"last_proven,omitempty"` // the moment that the last passed drill brought back
	Set      *time.Time `json:"last_set,omitempty"`
	Through  *time.Time `json:"archived_through,omitempty"`
	Problems []Problem  `json:"problems,omitempty"`

	in Input
}

// Input is what Judge knows.
type Input struct {
	Config    config.Config
	History   history.History
	Now       time.Time
	Confirmed time.Time // when the recovery kit was confirmed; zero when it never was
	Free      int64     // bytes on the target, or -1 when it does not tell
	Away      error     // why the target does not answer
}

// Judge tells how the backups are. Jobs are judged only once the recovery kit is
// confirmed, since they do not run before.
func Judge(in Input) Status {
	s := Status{State: "off", in: in}
	if in.Config.Backup.Target == "" {
		return s
	}
	if s.State = "unconfirmed"; !in.Confirmed.IsZero() {
		s.State = "on"
	}
	h := in.History
	s.Set = unlessZero(h.Set.At)
	if in.Config.Streams() { // otherwise it would be that of a cluster from before
		s.Through = unlessZero(h.WAL.Through)
	}
	if h.Drill.Passed {
		s.Proven = unlessZero(h.Drill.Point)
	}
	s.judgeTarget()
	if s.State == "on" {
		s.judgeSets()
		s.judgeWAL()
		s.judgeCopy()
		s.judgeDrill()
	}
	return s
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Status) problem(key, format string, args ...any) {
	s.Problems = append(s.Problems, Problem{key, fmt.Sprintf(format, args...)})
}

// age is how long ago a job last succeeded. A job that never did counts from the
// day the backups were turned on.
func (in Input) age(t time.Time) time.Duration {
	if t.IsZero() {
		t = in.Confirmed
	}
	return in.Now.Sub(t)
}

func (s *Status) judgeTarget() {
	switch {
	case s.in.Away != nil:
		s.problem(TargetAway, "the backup target %s is away: %v", s.in.Config.Backup.Target, s.in.Away)
	case s.in.Free >= 0 && s.in.Free < minFree:
		s.problem(TargetLowSpace, "the backup target has only %s free", quantity.Bytes(s.in.Free))
	}
}

func (s *Status) judgeSets() {
	if age := s.in.age(s.in.History.Set.At); age > MaxSetAge {
		s.problem(SetTooOld, "the newest set is %s old", quantity.Duration(age))
	}
	if damaged := s.in.History.Verify.Damaged; len(damaged) > 0 {
		s.problem(SetsDamaged, "sets are damaged: %s", strings.Join(damaged, ", "))
	}
}

func (s *Status) judgeWAL() {
	if !s.in.Config.Streams() {
		return
	}
	h := s.in.History
	if age := s.in.age(h.WAL.Through); age > maxWALAge {
		s.problem(WALNotArchived, "nothing was archived for %s", quantity.Duration(age))
	}
	if h.WAL.GapOpen(h.Set.Start) {
		s.problem(WALGap, "WAL is missing from the archive (%s) and no set was taken since", h.WAL.Gap)
	}
}

func (s *Status) judgeCopy() {
	if age := s.in.age(s.in.History.Copy.At); s.in.Config.Backup.Copy.Target != "" && age > maxCopyAge {
		s.problem(CopyTooOld, "the second target was last up to date %s ago", quantity.Duration(age))
	}
}

func (s *Status) judgeDrill() {
	d := s.in.History.Drill
	if !d.At.IsZero() && !d.Passed {
		s.problem(DrillFailed, "the drill of %s failed: %s", d.At.Local().Format(time.DateTime), d.Failures[0])
	} else if age := s.in.age(d.At); age > maxDrillAge {
		s.problem(DrillTooOld, "the last drill was %s ago", quantity.Duration(age))
	}
}

// Attention lists what somebody should look at: every problem, and backups that do
// not run.
func (s Status) Attention() []string {
	var out []string
	if s.State != "on" {
		out = append(out, s.Sentence())
	}
	for _, p := range s.Problems {
		out = append(out, p.Text)
	}
	return out
}

// Err is an error when there are problems.
func (s Status) Err() error {
	if len(s.Problems) == 0 {
		return nil
	}
	texts := make([]string, len(s.Problems))
	for i, p := range s.Problems {
		texts[i] = p.Text
	}
	return fault.New(fault.Failed, "bugspark status, then docs/backups.md", "the backups are not as they should be: %s", strings.Join(texts, "; "))
}

// Sentence is the state of the backups in one line.
func (s Status) Sentence() string {
	switch {
	case s.State == "off":
		return "There are NO BACKUPS: set backup.target"
	case s.State == "unconfirmed":
		return "Backups DO NOT RUN yet: bugspark backup kit, then confirm it"
	case s.Proven == nil:
		return "No backup is proven yet: bugspark backup drill"
	}
	ago := func(t time.Time) string { return quantity.Duration(s.in.Now.Sub(t)) }
	text := fmt.Sprintf("Last proven backup: %s old", ago(*s.Proven))
	switch {
	case s.Through != nil:
		text += fmt.Sprintf("; everything up to %s ago is archived", ago(*s.Through))
	case !s.in.Config.Streams() && s.Set != nil:
		text += fmt.Sprintf("; of your database everything since the newest set, %s ago, is in no set", ago(*s.Set))
	}
	return text
}
