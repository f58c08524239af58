package proxy

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// quiet lets one line a second through and counts the rest: net/http writes a
// line for every broken handshake, and a scanner makes thousands.
type quiet struct {
	slog.Handler
	next    *atomic.Int64 // unix nanoseconds
	dropped *atomic.Int64
}

// NewQuietHandler limits a handler to a line per second.
func NewQuietHandler(h slog.Handler) slog.Handler {
	return quiet{h, new(atomic.Int64), new(atomic.Int64)}
}

// Handle passes the record on, or counts it.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	now, next := r.Time.UnixNano(), q.next.Load()
	if now < next || !q.next.CompareAndSwap(next, now+int64(time.Second)) {
		q.dropped.Add(1)
		return nil
	}
	if n := q.dropped.Swap(0); n > 0 {
		r.AddAttrs(slog.Int64("and_as_many_like_it", n))
	}
	return q.Handler.Handle(ctx, r)
}
