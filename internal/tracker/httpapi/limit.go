package httpapi

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter keeps a token bucket per key, of perMinute requests, and knows which site made
// the key: one stranger may have the 65,536 networks of a /48. It keeps at most maxKeys
// keys, and maxSiteKeys of one site. Beyond that nobody is refused: the site that has
// most loses the bucket that it used least recently. What that lets through, a network
// of the site that was not used yet would be let through too. A bucket that was not
// used for two minutes is full and is dropped.
type limiter struct {
	perMinute int
	now       func() time.Time

	mu     sync.Mutex
	keys   map[string]*bucket
	sites  map[string]*siteBuckets
	ranked bySize
	swept  time.Time
}

type bucket struct {
	*rate.Limiter
	key   string
	used  time.Time
	site  *siteBuckets
	place *list.Element
}

const (
	maxKeys     = 100_000
	maxSiteKeys = 20_000
)

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{perMinute: perMinute, now: now, keys: map[string]*bucket{}, sites: map[string]*siteBuckets{}}
}

// take counts one request of the key, which the site made, or returns when to try again.
func (l *limiter) take(key, site string) error { return l.takeN(key, site, 1) }

// takeN counts n of what perMinute counts; more than that never fits.
func (l *limiter) takeN(key, site string, n int) error {
	if l.perMinute == 0 {
		return nil
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute {
		l.sweep(now)
	}
	b, ok := l.keys[key]
	if !ok {
		b = l.add(key, site)
	}
	b.use(now)
	n = min(n, l.perMinute)
	if b.AllowN(now, n) {
		return nil
	}
	missing := float64(n) - b.TokensAt(now)
	return tooMany{time.Duration(missing * float64(time.Minute) / float64(l.perMinute))}
}

// refund takes back one request of the key.
func (l *limiter) refund(key string) { l.refundN(key, 1) }

func (l *limiter) refundN(key string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.keys[key]; ok {
		b.AllowN(l.now(), -n) // adds n; what exceeds the burst is dropped at the next call
	}
}

// exhausted reports whether take would refuse the key.
func (l *limiter) exhausted(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.keys[key]
	return ok && b.TokensAt(l.now()) < 1
}

func (l *limiter) sweep(now time.Time) {
	l.swept = now
	for _, b := range l.keys {
		if now.Sub(b.used) > 2*time.Minute {
			l.drop(b)
		}
	}
}
