// Package health judges the backups: what the jobs remember, against the
// configuration and the clock.
package health

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
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
	TargetTaken    = "target-taken" // by another machine
	TargetLowSpace = "target-low-space"
	SetTooOld      = "set-too-old"
	WALNotArchived = "wal-not-archived"
	WALGap         = "wal-gap"
	ArchiveForged  = "archive-forged"
	SetsDamaged    = "sets-damaged"
	ArchiveDamaged = "archive-damaged"
	DrillFailed    = "drill-failed"
	DrillTooOld    = "drill-too-old"
	// Of runs that failed, whatever they would have found.
	SetFailed       = "set-failed"
	PruneFailed     = "prune-failed"
	VerifyFailed    = "verify-failed"
	DrillNotHeld    = "drill-not-held"
	CopyFailed      = "copy-failed"
	CopyVerifyBroke = "copy-verify-failed"
	CopyNotDrilled  = "copy-drill-not-held"
	// Of the second target.
	CopyTooOld      = "copy-too-old"
	CopyTaken       = "copy-taken"
	CopyRefused     = "copy-refused"
	CopyDiffers     = "copy-differs"
	CopyDamaged     = "copy-damaged"
	CopyNotVerified = "copy-not-verified"
	CopyDrillFailed = "copy-drill-failed"
	CopyDrillTooOld = "copy-drill-too-old"
	KitOutdated     = "kit-outdated"
	KitTargets      = "kit-targets-outdated"
	KeyMissing      = "key-missing"

	NoteUnreadable = "note-unreadable" // a file of what the jobs remember
)

// Status is how the backups are.
type Status struct {
	State    string     `json:"state"` // off, on, unknown
	Kit      string     `json:"recovery_kit,omitempty"`
	Proven   *time.Time `json:"last_proven,omitempty"` // the moment that the last passed drill brought back
	Drill    *Drilled   `json:"last_drill,omitempty"`
	Set      *time.Time `json:"last_set,omitempty"`
	Through  *time.Time `json:"archived_through,omitempty"`
	Problems []Problem  `json:"problems,omitempty"`
	// Limits are what the backups do not survive as they are set up. They are no
	// problems: they come with the defaults, and no alert repeats them.
	Limits []string `json:"limits,omitempty"`
	// Before is a directory with backups that the target does not name any more.
	Before string `json:"backups_before,omitempty"`

	// CopyProven is the moment that the last passed drill brought back from the second target.
	CopyProven *time.Time `json:"copy_proven,omitempty"`

	in         Input
	leftBehind string // the place of the newest set, where that is another one than sets go to now
}

// Drilled is how the last drill ended.
type Drilled struct {
	At     time.Time `json:"at"`
	Passed bool      `json:"passed"`
}

// Input is what Judge knows.
type Input struct {
	Config  config.Config
	History history.History
	Now     time.Time
	Kit     kit.Standing
	Room    target.Room     // of the target; what is free there is -1 when it does not tell
	Away    error           // why the target does not answer
	Copy    target.Survives // of the second target, if there is one
	// Taken and CopyTaken tell that another machine has taken a target over.
	Taken, CopyTaken error
	Before           string // directory of the local target, if backups lie there
}

// Judge tells how the backups are.
func Judge(in Input) Status {
	s := Status{State: "off", in: in}
	if in.Before != in.Config.Backup.Target {
		s.Before = in.Before
	}
	if in.Config.Backup.Target == "" {
		return s
	}
	s.State, s.Kit = "on", string(in.Kit)
	h := in.History.Of(in.Config.Backup)
	if h.Set.Place != in.History.Set.Place {
		s.leftBehind = in.History.Set.Place
	}
	s.in.History = h
	s.Set = unlessZero(h.Set.At)
	// Otherwise it would be that of a cluster from before, or WAL that no set leads to.
	if in.Config.Streams() && s.leftBehind == "" {
		s.Through = unlessZero(h.WAL.Through)
	}
	s.Proven = unlessZero(h.Proven.Point)
	s.CopyProven = unlessZero(h.CopyProven.Point)
	if !h.Drill.At.IsZero() {
		s.Drill = &Drilled{At: h.Drill.At, Passed: h.Drill.Passed}
	}
	s.judgeNotes()
	s.judgeTarget()
	s.judgeOwners()
	s.judgeSets()
	s.judgeMissing()
	s.judgeRuns()
	s.judgeWAL()
	s.judgeCopy()
	s.judgeDrill()
	s.judgeKit()
	s.limits()
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
// time since when backups go to this target.
func (in Input) age(t time.Time) time.Duration {
	if t.IsZero() {
		t = in.History.On.Since
	}
	if t.IsZero() {
		return 0 // nothing was applied yet
	}
	return in.Now.Sub(t)
}

// judgeNotes tells of files that cannot be read. What they held counts as nothing.
func (s *Status) judgeNotes() {
	if unread := s.in.History.Unread; len(unread) > 0 {
		s.problem(NoteUnreadable, "what the jobs remember cannot be read, so that what is told of them may be wrong: %v; find out who has written there, remove the files, and run 'bugspark backup verify' and 'bugspark backup create'",
			strings.ReplaceAll(errors.Join(unread...).Error(), "\n", "; "))
	}
}

func (s *Status) judgeTarget() {
	switch {
	case s.in.Away != nil:
		s.problem(TargetAway, "the backup target %s is away: %v", s.in.Config.Backup.Target, s.in.Away)
	case s.in.Room.Free < 0:
	case s.in.Room.Reserve > 0: // less than minFree may be a lot of a small disk
		if s.in.Room.Free < s.in.Room.Reserve {
			s.problem(TargetLowSpace, "no backup is taken: they lie on the disk of database and pictures and leave %s of it free, but only %s are; make room, or set backup.target to another machine and run 'bugspark apply'",
				quantity.Bytes(s.in.Room.Reserve), quantity.Bytes(s.in.Room.Free))
		}
	case s.in.Room.Free < minFree:
		s.problem(TargetLowSpace, "the backup target has only %s free", quantity.Bytes(s.in.Room.Free))
	}
}

func (s *Status) judgeSets() {
	if age := s.in.age(s.in.History.Set.At); age > MaxSetAge {
		s.problem(SetTooOld, "the newest set is %s old", quantity.Duration(age))
	}
	if damaged := s.in.History.Verify.Damaged; len(damaged) > 0 {
		s.problem(SetsDamaged, "sets are damaged: %s", strings.Join(damaged, ", "))
	}
	if damages := s.in.History.Verify.Archive; len(damages) > 0 {
		s.problem(ArchiveDamaged, "the archive is damaged in %d places; the first: %s", len(damages), damages[0])
	}
}

func (s *Status) judgeWAL() {
	if !s.in.Config.Streams() {
		return
	}
	h := s.in.History
	if age := s.in.age(h.WAL.Through); age > maxWALAge {
		why := h.WAL.Trouble
		if why == "" {
			why = "its service does not run, or has not come so far"
		}
		s.problem(WALNotArchived, "nothing was archived for %s: %s (journalctl -u 'bugspark-wal*')", quantity.Duration(age), why)
	}
	if h.WAL.GapOpen(h.Set.Start) {
		s.problem(WALGap, "WAL is missing from the archive (%s) and no set was taken since", h.WAL.Gap)
	}
	if h.WAL.Forged != "" {
		s.problem(ArchiveForged, "somebody else has put a file into the archive, which is passed over: %s; find out who can write there, and remove it", h.WAL.Forged)
	}
}

func (s *Status) judgeDrill() {
	d := s.in.History.Drill
	if !d.At.IsZero() && !d.Passed {
		s.problem(DrillFailed, "the drill of %s failed: %s", d.At.Local().Format(time.DateTime), d.Failure())
	} else if age := s.in.age(d.At); age > maxDrillAge {
		s.problem(DrillTooOld, "the last drill was %s ago", quantity.Duration(age))
	}
}

// KitNote is what is to be done about a confirmed recovery kit that leads nowhere any
// more; empty when it leads to the backups.
func KitNote(k kit.Standing, b config.Backup) string {
	const next = ": 'bugspark backup kit' prints the one to keep, beside the old one; then confirm it"
	switch k {
	case kit.Outdated:
		return "the keys of the backups are not those of the recovery kit that was confirmed, so that kit opens nothing new" + next
	case kit.OtherTargets:
		where := b.Place()
		if b.Copy.Target != "" {
			where += " and " + b.Copy.Place()
		}
		return "the recovery kit that was confirmed names an older backup target, and backups go to " + where + next
	case kit.OtherSecrets:
		return "the recovery kit that was confirmed has older keys or settings of the backup target" + next
	}
	return ""
}

func (s *Status) judgeKit() {
	note := KitNote(s.in.Kit, s.in.Config.Backup)
	switch s.in.Kit {
	case kit.Outdated:
		s.Problems = append(s.Problems, Problem{KitOutdated, note})
	case kit.OtherTargets, kit.OtherSecrets:
		s.Problems = append(s.Problems, Problem{KitTargets, note})
	case kit.KeyMissing:
		s.problem(KeyMissing, "a key of the backups is missing, so nobody can read them here: 'bugspark apply' says which, and the way back")
	}
}

// limits lists what the backups do not survive.
func (s *Status) limits() {
	room := s.in.Room.Survives
	if s.in.Config.Backup.Copy.Target != "" && !s.in.History.Copy.At.IsZero() {
		room = max(room, s.in.Copy)
	}
	const next = "set backup.target to another machine, then 'bugspark apply'"
	switch {
	case s.in.Away != nil:
	case room == target.Mistakes:
		s.Limits = append(s.Limits, "The backups lie on the disk of the data: they DIE WITH THIS MACHINE and with its disk; "+next)
	case room == target.Disk:
		s.Limits = append(s.Limits, "The backups lie on another file system of this machine: they DIE WITH THIS MACHINE; "+next)
	}
	if s.in.Kit == kit.TargetsUnknown {
		s.Limits = append(s.Limits, "Nobody knows which targets the confirmed recovery kit names, because an older version confirmed it, or it came without them: print it with 'bugspark backup kit', then confirm it")
	}
	if s.in.Kit == kit.Unconfirmed {
		s.Limits = append(s.Limits, "The recovery kit is not confirmed: NOBODY CAN READ the backups without it once this machine is gone; 'bugspark backup kit' prints it, then confirm it")
	}
}

// Attention lists what somebody should look at: backups that are off, every problem,
// and what the backups do not survive.
func (s Status) Attention() []string {
	var out []string
	if s.State == "off" || s.leftBehind != "" {
		out = append(out, s.Sentence())
	}
	for _, p := range s.Problems {
		out = append(out, p.Text)
	}
	return append(out, s.Limits...)
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
	return fault.New(fault.Failed, "bugspark status, then /usr/share/doc/bugspark/backups.md", "the backups are not as they should be: %s", strings.Join(texts, "; "))
}

// Sentence is the state of the backups in one line.
func (s Status) Sentence() string {
	switch s.State {
	case "off":
		return "There are NO BACKUPS: set backup.target"
	case "unknown":
		return "How the backups are is not known"
	}
	return s.firstSentence() + s.copySentence()
}

func (s Status) firstSentence() string {
	switch {
	case s.leftBehind != "":
		return fmt.Sprintf("No set is on %s yet since backups go there, %s ago: one comes by itself; until then there is what %s holds",
			s.in.Config.Backup.Place(), quantity.Duration(s.in.Now.Sub(s.in.History.On.Since)), s.leftBehind)
	case s.Proven == nil && len(s.in.History.Unread) > 0:
		return "How old the backups are is not known: what the jobs remember cannot be read"
	case s.Proven == nil && s.Set == nil:
		return "No backup was taken yet: the first one comes by itself"
	case s.Proven == nil:
		return "No backup is proven yet: bugspark backup drill"
	}
	ago := func(t time.Time) string { return quantity.Duration(s.in.Now.Sub(t)) }
	text := fmt.Sprintf("Last proven backup: %s old", ago(*s.Proven))
	if s.Drill != nil && !s.Drill.Passed {
		text += fmt.Sprintf(", but the last drill, %s ago, FAILED", ago(s.Drill.At))
	}
	switch {
	case s.Through != nil:
		text += fmt.Sprintf("; everything up to %s ago is archived", ago(*s.Through))
	case !s.in.Config.Streams() && s.Set != nil:
		text += fmt.Sprintf("; of your database everything since the newest set, %s ago, is in no set", ago(*s.Set))
	}
	return text
}
