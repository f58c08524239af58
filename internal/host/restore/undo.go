package restore

import (
	"context"
	"errors"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

// pendingRestore is the last restore, while its old data is kept.
type pendingRestore interface {
	Pending(context.Context) (exchange.Record, bool, error)
	Confirm(context.Context) error
	Undo(context.Context) error
}

// Pending is the restore that waits to be confirmed or undone.
func (r *Restorer) Pending(ctx context.Context) (done exchange.Record, pending bool, err error) {
	last, err := r.last(nil)
	if err != nil {
		return done, false, err
	}
	return last.Pending(ctx)
}

// Confirm gives up the data that the last restore has put aside. It cannot be
// brought back afterwards.
func (r *Restorer) Confirm(ctx context.Context) error {
	last, err := r.last(nil)
	if err != nil {
		return err
	}
	return confirm(ctx, last.Confirm, r.unmark)
}

// confirm also lets pictures be deleted again. The mark goes last, because a customer's
// database tells by it what waits. Where it stays, because the database does not answer
// or this process was killed, the same command takes it away although nothing waits.
func confirm(ctx context.Context, give, unmark func(context.Context) error) error {
	if err := give(ctx); err != nil {
		return err
	}
	if err := unmark(ctx); err != nil {
		return fault.Wrap(fault.Failed, err, "let the database answer, then run it again: bugspark restore confirm",
			"the data from before is deleted, but in the database it still counts as kept, so that no pictures are deleted")
	}
	return nil
}

// unmark takes the mark of a restore away from the database that is in place.
func (r *Restorer) unmark(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if r.Jobs.Config.Database.Mode != "managed" {
		server, err := r.Jobs.CustomerServer()
		if err != nil {
			return err
		}
		return server.Unmark(ctx)
	}
	cluster, err := r.Jobs.Cluster()
	if err != nil {
		return err
	}
	return cluster.Unmark(ctx)
}

// Undo brings back the data that the last restore has put aside. What was
// restored, and what was written since, is deleted.
func (r *Restorer) Undo(ctx context.Context) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := r.Open(ctx, r.Jobs.Config)
	if err != nil {
		return err
	}
	defer m.Close()
	last, err := r.last(m)
	if err != nil {
		return err
	}
	if err := last.Undo(ctx); err != nil {
		return err
	}
	return m.Healthy(ctx)
}

// last is the last restore; with a nil machine it can only be looked at or
// confirmed.
func (r *Restorer) last(m Machine) (pendingRestore, error) {
	if m == nil {
		m = noMachine{}
	}
	if r.Jobs.Config.Database.Mode == "managed" {
		return managedUndo{r.exchanger(m)}, nil
	}
	server, err := r.Jobs.CustomerServer()
	if err != nil {
		return nil, err
	}
	return &customerUndo{r: r, m: m, database: customerDatabase{CustomerServer: server}}, nil
}

// managedUndo is an exchange, of which the directories tell whether it was made.
type managedUndo struct{ *exchange.Exchanger }

func (u managedUndo) Pending(context.Context) (exchange.Record, bool, error) {
	return u.Exchanger.Pending()
}
func (u managedUndo) Confirm(context.Context) error { return u.Exchanger.Confirm() }

// customerUndo is a restore into a customer's database, which is asked what it
// holds.
type customerUndo struct {
	r        *Restorer
	m        Machine
	database customerDatabase
}

func (u *customerUndo) replacer(ctx context.Context) (*exchange.Replacer, error) {
	if err := u.database.look(ctx); err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "let the database that the credential database-dsn names answer, and run the same command again",
			"which restore waits, only your database knows")
	}
	return u.r.replacer(u.m, &u.database), nil
}

func (u *customerUndo) Pending(ctx context.Context) (exchange.Record, bool, error) {
	r, err := u.replacer(ctx)
	if err != nil {
		return exchange.Record{}, false, err
	}
	return r.Pending(ctx)
}

func (u *customerUndo) Confirm(ctx context.Context) error {
	r, err := u.replacer(ctx)
	if err != nil {
		return err
	}
	return r.Confirm(ctx)
}

func (u *customerUndo) Undo(ctx context.Context) error {
	r, err := u.replacer(ctx)
	if err != nil {
		return err
	}
	return r.Undo(ctx)
}

// clear gives up what a restore has kept that was never made.
func (u *customerUndo) clear(ctx context.Context) error {
	r, err := u.replacer(ctx)
	if err != nil {
		return err
	}
	return r.Clear(ctx)
}

// noMachine stands where nothing is started or stopped.
type noMachine struct{ Machine }

func (noMachine) Healthy(context.Context) error { return nil }

// End is one way in which the last restore ends, and what it needs.
type End struct {
	// Ask is told which restore it is about and may refuse. It is nil where nobody is
	// to be asked.
	Ask func(exchange.Record) error
	// Lock keeps other commands of the backups away. Nobody is asked while it is
	// held, because people take their time.
	Lock func(context.Context) (unlock func(), err error)
	Act  func(context.Context) error // Undo or Confirm
}

// End ends the last restore and returns it.
func (r *Restorer) End(ctx context.Context, e End) (exchange.Record, error) {
	return end(ctx, e, r.Pending, r.clear)
}

// clear gives up what a restore into a customer's database has kept that was never
// made. An exchange of our own database leaves that to the next one. A mark that nothing
// belongs to goes, or pictures would never be deleted again.
func (r *Restorer) clear(ctx context.Context) error {
	last, err := r.last(nil)
	if err != nil {
		return err
	}
	if c, ok := last.(*customerUndo); ok {
		if err := c.clear(ctx); err != nil {
			return err
		}
	}
	return r.unmark(ctx)
}

func end(ctx context.Context, e End, look func(context.Context) (exchange.Record, bool, error), clear func(context.Context) error) (exchange.Record, error) {
	var asked exchange.Record
	if e.Ask != nil {
		record, pending, err := look(ctx)
		if err == nil && pending {
			asked, err = record, e.Ask(record)
		}
		if err != nil {
			return record, err
		}
	}
	// Also where nothing waits, because only under the lock may be cleared what was
	// kept: a restore could be about to be made.
	unlock, err := e.Lock(ctx)
	if err != nil {
		return asked, err
	}
	defer unlock()
	record, pending, err := look(ctx)
	nothing := asked == exchange.Record{}
	switch {
	case err != nil:
		return record, err
	case e.Ask != nil && pending == nothing, pending && !nothing && record != asked:
		return asked, fault.New(fault.Preflight, "run the command again", "another command has ended that restore in between, or made a new one; nothing was changed")
	case !pending:
		return record, errors.Join(clear(ctx), exchange.ErrNothingPending())
	}
	return record, e.Act(ctx)
}
