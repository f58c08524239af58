package archive

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Base is a set from which WAL can be replayed.
type Base struct {
	Set      string
	Timeline uint32
	Start    LSN       // of its copy of the database
	Stop     LSN       // it is consistent from here on
	EndedAt  time.Time // it was whole
}

// Needs is what must stay so that every moment of a window can be brought back.
type Needs struct {
	Sets map[string]string // ids, with the reason
	wal  []stretch
}

// Moments is a time of which every moment can be brought back.
type Moments struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Seconds are the first and the last whole second of it. It may hold none, and then the
// last lies before the first.
func (m Moments) Seconds() (first, last time.Time) {
	return m.From.Add(time.Second - 1).Truncate(time.Second), m.To.Truncate(time.Second)
}

// leading are the bases from which WAL leads to a timeline, the oldest first.
func (w *WAL) leading(ctx context.Context, bases []Base, timeline uint32) ([]Base, error) {
	var out []Base
	for _, b := range bases {
		leads, err := w.Leads(ctx, b.Timeline, b.Stop, timeline)
		if err != nil {
			return nil, err
		}
		if leads {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b Base) int { return a.EndedAt.Compare(b.EndedAt) })
	return out, nil
}

// Needs finds, for every stay of the server on a timeline within the window, the set
// and the WAL that lead to each of its moments. A stay that a restore has ended is
// among them: its last moment may be what somebody wants back.
func (w *WAL) Needs(ctx context.Context, bases []Base, windowBegin time.Time) (Needs, error) {
	out := Needs{Sets: map[string]string{}}
	err := w.window(ctx, bases, windowBegin, func(s Stay, base Base) error {
		why := "begin of the window"
		if s.Since.After(windowBegin) {
			why = fmt.Sprintf("begin of timeline %d", s.Timeline)
		}
		out.Sets[base.Set] = why
		way, err := w.way(ctx, base.Timeline, base.Stop, s.Timeline)
		if err != nil {
			return err
		}
		way[len(way)-1].first = base.Start.Segment()
		out.wal = append(out.wal, way...)
		return nil
	})
	return out, err
}

// window calls visit for every stay within a window, with the set from which all of it
// is reached, or the oldest one that leads there; and where WAL is missing on the way from
// there, with the next sets, up to one from which none is.
func (w *WAL) window(ctx context.Context, bases []Base, begin time.Time, visit func(Stay, Base) error) error {
	for _, s := range w.stays {
		if !s.Ended.IsZero() && !s.Ended.After(begin) {
			continue
		}
		leading, err := w.leading(ctx, bases, s.Timeline)
		if err != nil {
			return err
		}
		if len(leading) == 0 {
			continue
		}
		from, first := begin, 0
		if s.Since.After(from) {
			from = s.Since
		}
		for i, b := range leading {
			if !b.EndedAt.After(from) {
				first = i
			}
		}
		for _, base := range leading[first:] {
			if err := visit(s, base); err != nil {
				return err
			}
			c, err := w.Coverage(ctx, base.Timeline, base.Stop, s.Timeline)
			if err != nil {
				return err
			}
			if c.Gap == "" {
				break
			}
		}
	}
	return nil
}

// Gaps tells where WAL is missing on the way from the sets to the moments of a window.
func (w *WAL) Gaps(ctx context.Context, bases []Base, windowBegin time.Time) ([]string, error) {
	var out []string
	err := w.window(ctx, bases, windowBegin, func(s Stay, base Base) error {
		c, err := w.Coverage(ctx, base.Timeline, base.Stop, s.Timeline)
		if err == nil && c.Gap != "" {
			text := fmt.Sprintf("WAL segment %s is missing from the archive", c.Gap)
			if !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
		return err
	})
	return out, err
}

// segment tells whether a segment is needed.
func (n Needs) segment(s segment) bool {
	return slices.ContainsFunc(n.wal, func(t stretch) bool {
		return t.timeline == s.timeline && t.first <= s.number && s.number <= t.last
	})
}

// Moments lists what the sets and the archived WAL bring back, in the order of time.
// through is until when everything is known to be archived, zero where nobody knows;
// then the last moment is when the last of the WAL was written.
func (w *WAL) Moments(ctx context.Context, bases []Base, through time.Time) ([]Moments, error) {
	var out []Moments
	for _, s := range w.stays {
		leading, err := w.leading(ctx, bases, s.Timeline)
		if err != nil {
			return nil, err
		}
		for _, b := range leading {
			_, known, err := w.Reach(ctx, b.Timeline, b.Stop, s, through)
			if err != nil {
				return nil, err
			}
			from := b.EndedAt
			if from.Before(s.Since) {
				from = s.Since
			}
			if known.After(from) {
				out = join(out, Moments{from, known})
			}
		}
	}
	return out, nil
}

// join adds a time behind others, or to the last of them that it touches.
func join(all []Moments, m Moments) []Moments {
	if n := len(all); n > 0 && !m.From.After(all[n-1].To) {
		if m.To.After(all[n-1].To) {
			all[n-1].To = m.To
		}
		return all
	}
	return append(all, m)
}
