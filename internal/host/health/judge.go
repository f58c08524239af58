package health

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
)

// State is how an installation is, in one word.
type State string

// The states, from good to bad.
const (
	Healthy   State = "healthy"
	Attention State = "attention" // it serves everybody, but something is going to hurt
	Unhealthy State = "unhealthy" // a service is down, or nobody is served
	Starting  State = "starting"  // services that everybody needs have not started yet
	Stopped   State = "stopped"   // somebody has stopped all of it
	Partial   State = "partial"   // a setup or a restore of a new machine has not finished, and nobody is served
)

// Verdict is a state for people.
func (s State) Verdict() string {
	switch s {
	case Healthy:
		return "is healthy"
	case Attention:
		return "runs, but NEEDS ATTENTION"
	case Starting:
		return "is STARTING: ask again in some seconds whether it serves"
	case Partial:
		return "is NOT SET UP YET"
	case Stopped:
		return "is STOPPED: 'systemctl start bugspark.target' starts it"
	}
	return "is NOT HEALTHY"
}

// Seen is what the state is judged by.
type Seen struct {
	Now         time.Time
	FailedUnits int               // of those that serve
	Helpers     []string          // units beside them that should run and do not
	Starting    bool              // of those that serve, some are being started and none has failed
	Stopped     bool              // somebody has stopped all of it
	Unfinished  bool              // a setup, or a restore of a new machine, which was interrupted or goes on
	FailedJobs  []string          // units of timers and paths whose last run failed
	Restored    string            // that a restore waits to be confirmed or undone; empty when none does
	Answer      error             // of the public address
	Certificate *x509.Certificate // that it showed; nil when it showed none
	Space       durable.Space     // where the data is
	Reserve     int64             // below which a disk of the data takes no reports; 0 is none
	LowDisk     *durable.Space    // such a disk that is below it; nil when none is
	Backups     []string          // what is wrong with the backups
}

// Below these the data's file system needs attention: PostgreSQL stops when it is
// full.
const (
	lowSpace  = 2 << 30
	lowInodes = 10_000
)

// A certificate needs attention when its renewal is lifeFraction: in the last sixth of
// its life, and never earlier than two weeks before its end.
const (
	lifeFraction   = 6
	earliestNotice = 14 * 24 * time.Hour
)

// Judge returns the state, and what needs attention.
func Judge(s Seen) (State, []string) {
	var notes []string
	if s.LowDisk != nil {
		notes = append(notes, fmt.Sprintf("reports and pictures are refused: only %d MiB are free at %s, and limits.free_space_mib keeps %d; free some space, and they are taken again",
			s.LowDisk.Bytes>>20, s.LowDisk.Path, s.Reserve>>20))
	} else if s.Space.Bytes < lowSpace {
		notes = append(notes, fmt.Sprintf("only %d MiB are free at %s", s.Space.Bytes>>20, s.Space.Path))
	}
	if s.Space.Inodes >= 0 && s.Space.Inodes < lowInodes {
		notes = append(notes, fmt.Sprintf("only %d inodes are free at %s", s.Space.Inodes, s.Space.Path))
	}
	if note := certificateNote(s.Certificate, s.Now); note != "" {
		notes = append(notes, note)
	}
	notes = append(notes, s.Backups...)
	for _, name := range s.FailedJobs {
		notes = append(notes, fmt.Sprintf("%[1]s failed when it last ran; 'systemctl start %[1]s' runs it again", name))
	}
	down := s.FailedUnits > 0 || s.Answer != nil
	partial, starting := s.Unfinished && (down || s.Stopped), s.Starting && down
	served := ", though everybody is served without it"
	if down {
		served = ""
	}
	for _, name := range s.Helpers {
		if starting || partial {
			break // they come after what serves
		}
		notes = append(notes, fmt.Sprintf("%[1]s does not run%[2]s; 'journalctl -u %[1]s -e' says why, and 'bugspark apply' starts it", name, served))
	}
	if s.Restored != "" {
		notes = append(notes, s.Restored)
	}
	switch {
	case partial:
		return Partial, notes
	case s.Stopped:
		return Stopped, notes
	case starting:
		return Starting, notes
	case down:
		return Unhealthy, notes
	case len(notes) > 0:
		return Attention, notes
	}
	return Healthy, nil
}

func certificateNote(c *x509.Certificate, now time.Time) string {
	if c == nil {
		return ""
	}
	left := c.NotAfter.Sub(now)
	if left >= min(c.NotAfter.Sub(c.NotBefore)/lifeFraction, earliestNotice) {
		return ""
	}
	if left <= 0 {
		return "the certificate ended on " + c.NotAfter.Local().Format(time.DateTime)
	}
	return fmt.Sprintf("the certificate ends on %s and was not renewed", c.NotAfter.Local().Format(time.DateTime))
}
