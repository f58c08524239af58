package archive

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// StateStore keeps the state of a shipper on its machine, and its requests for sets.
type StateStore interface {
	State() (State, error)
	Save(State) error
	// LastSetStart is where the WAL of the newest set begins, empty without any set.
	LastSetStart() (string, error)
	RequestSet(why string) error
	// RepeatRequest asks again for a set that was requested long ago.
	RepeatRequest(now time.Time) error
}

// Loop ships in rounds for as long as its service runs.
type Loop struct {
	Shipper Shipper // System and Spool are found by the loop
	Spool   string  // has a directory for each cluster, named by its system identifier
	System  func(context.Context) (string, error)
	Target  *target.Target
	Store   StateStore
	Place   string // of the target

	unproven bool // the archive may be of another life of the server
	pace     pace
	failed   string // the failure that the journal has heard of
}

const (
	shipInterval = 2 * time.Second  // between rounds
	maxInterval  = 30 * time.Second // between rounds that fail
	restartAfter = 2 * time.Minute  // of failures
)

// pace decides when the next round is due, and when to give up.
type pace struct {
	wait  time.Duration
	since time.Time // of the first of a row of failures
}

// next is told how a round ended. restart means that the service should begin
// anew: a mount that was made after the start of a service is not in its view of
// the file system, and a new start has a new view.
func (p *pace) next(err error, now time.Time) (wait time.Duration, restart bool) {
	if err == nil {
		*p = pace{wait: shipInterval}
		return p.wait, false
	}
	if p.since.IsZero() {
		p.since = now
	}
	p.wait = min(2*max(p.wait, shipInterval), maxInterval)
	return p.wait, now.Sub(p.since) > restartAfter
}

// Run ships until ctx ends. It fails when a new start of the service may help.
func (l *Loop) Run(ctx context.Context) error {
	var err error
	if l.Shipper.State, err = l.Store.State(); err != nil {
		l.Shipper.State = State{}
		l.Shipper.Log.Warn("starting without a memory of what was shipped", "error", err)
	}
	l.goTo(l.Place)
	l.unproven = true
	for {
		err := l.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait, restart := l.pace.next(err, time.Now())
		if restart {
			return fault.Wrap(fault.Failed, err, "mount the backup target, or make room on it", "starting again, since WAL does not reach the backup target")
		}
		l.tell(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// goTo begins anew on another target: nothing of what was shipped is there, and the
// set that is taken there is what the WAL from here on continues.
func (l *Loop) goTo(place string) {
	if before := l.Shipper.State.Place; before != "" && before != place {
		l.Shipper.Log.Info("the archive goes on elsewhere", "before", before, "now", place)
		l.Shipper.State = State{}
	}
	l.Shipper.State.Place = place
}

// tell logs a failure once, and its end.
func (l *Loop) tell(err error) {
	switch {
	case err == nil && l.failed != "":
		l.failed = ""
		l.Shipper.Log.Info("WAL reaches the backup target again", "lsn", l.Shipper.State.Shipped)
	case err != nil && err.Error() != l.failed:
		l.failed = err.Error()
		l.Shipper.Log.Warn("WAL does not reach the backup target; it waits in the spool", "error", err, "spool_bytes", l.Shipper.State.Waiting)
	}
}

func (l *Loop) round(ctx context.Context) error {
	err := l.ship(ctx)
	if err != nil {
		l.Shipper.State.Trouble = err.Error()
	}
	return errors.Join(err, l.Store.Save(l.Shipper.State))
}

func (l *Loop) ship(ctx context.Context) error {
	// A restore may have replaced the cluster since the last round.
	system, err := l.System(ctx)
	if err == nil && system != l.Shipper.System {
		l.Shipper.System, l.Shipper.Spool = system, filepath.Join(l.Spool, system)
	}
	if l.Shipper.System == "" {
		return err
	}
	if _, err := os.Stat(l.Shipper.Spool); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was received yet
	}
	if err := l.Target.Renew(ctx); err != nil {
		l.unproven = true
		return err
	}
	if err := l.prove(ctx); err != nil {
		return err
	}
	gap := l.Shipper.State.Gap
	err = l.Shipper.Round(ctx)
	if l.Shipper.State.Gap != gap && l.gapOpen() {
		err = errors.Join(err, l.Store.RequestSet("WAL is missing from the archive: "+l.Shipper.State.Gap))
	}
	return errors.Join(err, l.Store.RepeatRequest(time.Now()))
}

// prove makes sure, at the start, after the target was away or another machine's, and when
// the server is before what it had written, that
// the archive is this server's, and has what the shipper remembers to have told it.
func (l *Loop) prove(ctx context.Context) error {
	s := &l.Shipper
	if !l.unproven && !s.wentBack(ctx) {
		return nil
	}
	l.unproven = true
	proven, err := s.Archive.CheckAhead(ctx, s.System, s.Source, &s.State)
	if s.State.Forged != "" {
		s.Log.Error("a file that was put into the archive by somebody else is passed over", "error", s.State.Forged)
	}
	if err == nil {
		l.Shipper.State.Timelines = nil
	}
	l.unproven = !proven
	return err
}

// gapOpen tells whether no set has closed the newest gap yet.
func (l *Loop) gapOpen() bool {
	start, err := l.Store.LastSetStart()
	return err != nil || l.Shipper.State.GapOpen(start)
}
