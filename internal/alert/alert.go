// Package alert tells people about problems: once when a problem is new, again
// every day while it lasts, and once when it is over; by mail, by a webhook, and
// in the journal.
//
// A problem is known by a stable key, so that a text with ages or sizes in it
// does not make it a new one. What is open and who was told what stands in one
// file. A problem is recorded before anybody is told and a delivery is recorded
// after it, so a process that is killed tells twice rather than never.
package alert

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// CheckUnit is the unit whose failure is told problem by problem, from the file
// that it writes.
const CheckUnit = "bugspark-backup-check.service"

// Problem is one thing that is wrong now.
type Problem struct {
	Key  string `json:"key"` // the unit's name, or a name such as backup.set-too-old
	Unit string `json:"unit,omitempty"`
	Text string `json:"text"` // for people; may change while the problem lasts
}

// Notifier tells people about problems.
type Notifier struct {
	Dir            string // of the state
	Channels       []Channel
	Units          Units
	BackupProblems string // file that CheckUnit writes; empty when there are no backups
	Host, Server   string
	Log            *slog.Logger
	Now            func() time.Time
}

// Channel is one way to people. Its name is remembered with what it delivered.
type Channel interface {
	Name() string
	Send(context.Context, Message) error
}

// Units is what is asked of the service manager.
type Units interface {
	// State returns the state of one unit.
	State(ctx context.Context, unit string) (UnitState, error)
	// Failed lists our units that are in the state failed.
	Failed(ctx context.Context) ([]string, error)
	// LastLines is what a unit wrote last, or why that cannot be read.
	LastLines(ctx context.Context, unit string) string
}

// UnitState is what systemd says of a unit.
type UnitState struct {
	Active  string    // ActiveState=: active, inactive, failed, activating, ...
	Started time.Time // when its last run began; zero when it has not run since the machine started
	Gone    bool      // no such unit is known
}

// Notify tells that a unit failed.
func (n *Notifier) Notify(ctx context.Context, unit string) error {
	problems := n.problemsOf(ctx, unit)
	s, err := n.update(ctx, func(s *state) {
		for _, p := range problems {
			s.open(p, n.Now())
		}
	})
	return errors.Join(err, n.deliver(ctx, s, err == nil))
}

// Review looks whether open problems last, learns of failed units that nobody
// told it of, and delivers what is due. A timer runs it every few minutes.
func (n *Notifier) Review(ctx context.Context) error {
	var looked error
	// The service manager is asked with the state locked. Otherwise a unit could
	// fail and be recorded between the answer and the record that it is well, and
	// its failure would be taken for over.
	s, err := n.update(ctx, func(s *state) { looked = n.look(ctx, s) })
	if err != nil {
		// What cannot be recorded would be told at every review. Notify tells it once.
		return errors.Join(err, looked)
	}
	return errors.Join(looked, n.deliver(ctx, s, true))
}

func (n *Notifier) look(ctx context.Context, s *state) error {
	failed, err := n.Units.Failed(ctx)
	problems := []error{err}
	for _, unit := range failed {
		// That an alert failed cannot be told by an alert.
		if s.known(unit) || strings.HasPrefix(unit, "bugspark-alert") {
			continue
		}
		for _, p := range n.problemsOf(ctx, unit) {
			s.open(p, n.Now())
		}
	}
	backups, broken := n.readBackupProblems()
	problems = append(problems, broken)
	for _, e := range s.Problems {
		if e.Over != nil {
			continue
		}
		over := false
		if e.Unit == CheckUnit && e.Key != CheckUnit {
			if broken == nil {
				over = !e.refresh(backups.list)
			}
		} else {
			over, err = n.recovered(ctx, e.Key, backups)
			problems = append(problems, err)
		}
		if over {
			now := n.Now()
			e.Over = &now
		}
	}
	return errors.Join(problems...)
}

// recovered tells whether a unit is well again. One that is just being started
// is not yet: a backup that failed yesterday runs for an hour today.
func (n *Notifier) recovered(ctx context.Context, unit string, backups backupProblems) (bool, error) {
	st, err := n.Units.State(ctx, unit)
	if err != nil {
		return false, err
	}
	switch st.Active {
	case "active":
		return true, nil
	case "inactive":
		// After a reboot a job has not run again, and what made it fail may last. One
		// that somebody has stopped or reset, and a unit that is gone, are settled.
		return !st.Started.IsZero() || st.Gone, nil
	case "failed":
		// Its failure is now told problem by problem.
		return unit == CheckUnit && backups.explain(st), nil
	}
	return false, nil
}

// problemsOf is what is wrong when a unit failed.
func (n *Notifier) problemsOf(ctx context.Context, unit string) []Problem {
	if unit == CheckUnit {
		backups, err := n.readBackupProblems()
		st, unknown := n.Units.State(ctx, unit)
		if err == nil && unknown == nil && backups.explain(st) {
			return backups.list
		}
	}
	return []Problem{{Key: unit, Unit: unit, Text: n.Units.LastLines(ctx, unit)}}
}
