package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter keeps a token bucket per key, of perMinute requests. It keeps at most
// maxKeys keys; a bucket that was not used for two minutes is full and is dropped.
type limiter struct {
	perMinute int
	now       func() time.Time

	mu    sync.Mutex
	keys  map[string]*bucket
	swept time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

const maxKeys = 100_000

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{perMinute: perMinute, now: now, keys: map[string]*bucket{}}
}

// take counts one request of the key, or returns when to try again.
func (l *limiter) take(key string) error {
	if l.perMinute == 0 {
		return nil
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute || (len(l.keys) >= maxKeys && now.Sub(l.swept) > time.Second) {
		l.sweep(now)
	}
	b, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= maxKeys {
			// More active addresses than maxKeys are an attack. New ones wait until
			// another one was dropped.
			return tooMany{10 * time.Second}
		}
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)}
		l.keys[key] = b
	}
	b.used = now
	if b.AllowN(now, 1) {
		return nil
	}
	missing := 1 - b.TokensAt(now)
	return tooMany{time.Duration(missing * float64(time.Minute) / float64(l.perMinute))}
}

func (l *limiter) sweep(now time.Time) {
	l.swept = now
	for key, b := range l.keys {
		if now.Sub(b.used) > 2*time.Minute {
			delete(l.keys, key)
		}
	}
}
