package proxy

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// throttled writes one record a second and counts the rest: net/http logs every
// broken handshake, and a port scanner causes thousands.
type throttled struct {
	slog.Handler
	next    *atomic.Int64 // unix nanoseconds
	dropped *atomic.Int64
}

// NewThrottledHandler limits a handler to a line per second.
func NewThrottledHandler(h slog.Handler) slog.Handler {
	return throttled{h, new(atomic.Int64), new(atomic.Int64)}
}

// Handle writes or counts the record.
func (q throttled) Handle(ctx context.Context, r slog.Record) error {
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
