package restore

import (
	"context"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

// pendingRestore is the last restore, while its old data is kept.
type pendingRestore interface {
	Pending() (exchange.Record, bool, error)
	Confirm() error
	Undo(context.Context) error
}

// Pending is the restore that waits to be confirmed or undone.
func (r *Restorer) Pending() (done exchange.Record, pending bool, err error) {
	last, err := r.last(nil)
	if err != nil {
		return done, false, err
	}
	return last.Pending()
}

// Confirm gives up the data that the last restore has put aside. It cannot be
// brought back afterwards.
func (r *Restorer) Confirm() error {
	last, err := r.last(nil)
	if err != nil {
		return err
	}
	return last.Confirm()
}

// Undo brings back the data that the last restore has put aside. What was
// restored, and what was written since, is deleted.
func (r *Restorer) Undo(ctx context.Context) error {
	m, err := r.Open(ctx, r.Jobs.Config)
	if err != nil {
		return err
	}
	defer m.Close()
	last, err := r.last(m)
	if err != nil {
		return err
	}
	if c, ok := last.(*customerUndo); ok {
		if err := c.look(ctx); err != nil {
			return err
		}
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
		return r.exchanger(m), nil
	}
	server, err := r.Jobs.CustomerServer()
	if err != nil {
		return nil, err
	}
	return &customerUndo{r: r, m: m, database: customerDatabase{CustomerServer: server}}, nil
}

// customerUndo is a restore into a customer's database, which is asked what it
// holds before it is written to.
type customerUndo struct {
	r        *Restorer
	m        Machine
	database customerDatabase
}

func (u *customerUndo) look(ctx context.Context) error { return u.database.look(ctx) }

func (u *customerUndo) replacer() *exchange.Replacer { return u.r.replacer(u.m, &u.database) }

func (u *customerUndo) Pending() (exchange.Record, bool, error) { return u.replacer().Pending() }
func (u *customerUndo) Confirm() error                          { return u.replacer().Confirm() }
func (u *customerUndo) Undo(ctx context.Context) error          { return u.replacer().Undo(ctx) }

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
	return end(ctx, e, r.Pending)
}

func end(ctx context.Context, e End, look func() (exchange.Record, bool, error)) (exchange.Record, error) {
	var asked exchange.Record
	if e.Ask != nil {
		record, pending, err := look()
		if err == nil && !pending {
			err = exchange.ErrNothingPending()
		}
		if err == nil {
			err = e.Ask(record)
		}
		if err != nil {
			return record, err
		}
		asked = record
	}
	unlock, err := e.Lock(ctx)
	if err != nil {
		return asked, err
	}
	defer unlock()
	record, pending, err := look()
	switch {
	case err != nil:
		return record, err
	case e.Ask != nil && (!pending || record != asked):
		return asked, fault.New(fault.Preflight, "run the command again", "another command has ended that restore in between, or made a new one; nothing was changed")
	case !pending:
		return record, exchange.ErrNothingPending()
	}
	return record, e.Act(ctx)
}
