package target

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
)

// Guarded is a target to a job that writes to it for long. The job stops writing once
// another machine has taken the target over: before it deletes, before it makes a set
// reachable, and within a minute in any case.
type Guarded struct {
	Store
	own *Target

	mu      sync.Mutex
	checked time.Time
	lost    error
}

// Guard watches over s, which is the store of own or leads to it.
func (t *Target) Guard(s Store) *Guarded { return &Guarded{Store: s, own: t, checked: t.Now()} }

// Lost is why the target is no longer this machine's, or nil. Engines between a job and
// its target may lose the error of a write.
func (g *Guarded) Lost() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost
}

// Put checks first where it counts: an index makes the packs before it reachable.
func (g *Guarded) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := g.check(ctx, strings.HasPrefix(name, setsDir) && !packed(name)); err != nil {
		return err
	}
	return g.Store.Put(ctx, name, body, at)
}

// Delete checks first.
func (g *Guarded) Delete(ctx context.Context, name string) error {
	if err := g.check(ctx, true); err != nil {
		return err
	}
	return g.Store.Delete(ctx, name)
}

func (g *Guarded) check(ctx context.Context, now bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	age := g.own.Now().Sub(g.checked)
	if g.lost != nil || !now && age >= 0 && age < renewInterval {
		return g.lost
	}
	err := g.own.Check(ctx)
	if err == nil {
		g.checked = g.own.Now()
	} else if errors.Is(err, ErrOwnedElsewhere) || errors.Is(err, ErrAway) {
		g.lost = err
	}
	return err
}
