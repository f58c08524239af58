package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// deliver tells every channel what is due. One process at a time delivers, so
// that two that run at once do not tell the same thing. saved says that the
// state is on disk; if it is not, what is in memory is told.
func (n *Notifier) deliver(ctx context.Context, s state, saved bool) error {
	if saved {
		unlock, err := n.lock(ctx, "delivery.lock")
		if err != nil {
			return err // what is due is recorded, and the next review delivers it
		}
		defer unlock()
		// Another process may have delivered it while this one waited.
		if s, err = n.update(ctx, func(*state) {}); err != nil {
			saved = false
		}
	}
	// One channel may hang until its time is up; the others do not wait for it.
	errs := make([]error, len(n.Channels))
	var all sync.WaitGroup
	for i, c := range n.Channels {
		due := n.due(s, c)
		all.Go(func() { errs[i] = n.deliverTo(ctx, c, due, saved) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// due lists what a channel is to be told, oldest first.
func (n *Notifier) due(s state, c Channel) []Message {
	var out []Message
	now := n.Now()
	for _, e := range s.Problems {
		if !e.due(c.Name(), now) && !(s.superseded(e) && !e.sentTo(c.Name()).Ended) {
			continue
		}
		m := Message{
			Key: e.Key, State: Firing, Unit: e.Unit, Host: n.Host, Server: n.Server,
			Since: e.Since, At: now, Text: e.Text, Reminder: !e.sentTo(c.Name()).Told.IsZero(), sent: now,
		}
		if e.Over != nil {
			m.State, m.At, m.Reminder = Resolved, *e.Over, false
		}
		out = append(out, m)
	}
	return out
}

// deliverTo stops at the first failure: a server that just refused or hung would
// do so again.
func (n *Notifier) deliverTo(ctx context.Context, c Channel, due []Message, saved bool) error {
	for _, m := range due {
		failed := c.Send(ctx, m)
		if failed != nil {
			failed = fmt.Errorf("telling %s of %s: %w", c.Name(), m.Key, failed)
		}
		if saved {
			// Recorded even when the context has ended, which a delivery that used up
			// its time would otherwise undo.
			_, err := n.update(context.WithoutCancel(ctx), func(s *state) {
				for _, e := range s.Problems {
					if e.Key == m.Key && e.Since.Equal(m.Since) {
						e.delivered(c.Name(), m, failed)
					}
				}
			})
			failed = errors.Join(failed, err)
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}
