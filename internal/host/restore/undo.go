package restore

import (
	"context"

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
