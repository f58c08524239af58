package httpapi

import (
	"container/heap"
	"container/list"
	"time"

	"golang.org/x/time/rate"
)

// siteBuckets are the buckets of the keys that one site made.
type siteBuckets struct {
	site    string
	buckets *list.List // of *bucket, the one used last at the end
	place   int        // in bySize
}

// add makes the bucket of a new key, and room for it.
func (l *limiter) add(key, site string) *bucket {
	if s, ok := l.sites[site]; ok && s.buckets.Len() >= maxSiteKeys {
		l.dropOldest(s)
	} else if len(l.keys) >= maxKeys {
		l.dropOldest(l.ranked[0])
	}
	s, ok := l.sites[site]
	if !ok {
		s = &siteBuckets{site: site, buckets: list.New()}
		l.sites[site] = s
		heap.Push(&l.ranked, s)
	}
	b := &bucket{Limiter: rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute), key: key, site: s}
	b.place = s.buckets.PushBack(b)
	l.keys[key] = b
	heap.Fix(&l.ranked, s.place)
	return b
}

func (b *bucket) use(now time.Time) {
	b.used = now
	b.site.buckets.MoveToBack(b.place)
}

func (l *limiter) dropOldest(s *siteBuckets) {
	if b, ok := s.buckets.Front().Value.(*bucket); ok {
		l.drop(b)
	}
}

func (l *limiter) drop(b *bucket) {
	delete(l.keys, b.key)
	b.site.buckets.Remove(b.place)
	if b.site.buckets.Len() > 0 {
		heap.Fix(&l.ranked, b.site.place)
		return
	}
	heap.Remove(&l.ranked, b.site.place)
	delete(l.sites, b.site.site)
}

// bySize is a heap of sites, the one with most buckets first.
type bySize []*siteBuckets

func (h bySize) Len() int           { return len(h) }
func (h bySize) Less(i, j int) bool { return h[i].buckets.Len() > h[j].buckets.Len() }
func (h bySize) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *bySize) Push(x any) {
	if s, ok := x.(*siteBuckets); ok {
		s.place = len(*h)
		*h = append(*h, s)
	}
}

func (h *bySize) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
