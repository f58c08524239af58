package archive

import (
	"context"
	"fmt"
	"time"
)

// Reach follows the WAL from a position on a timeline to the end of a stay. known is the
// moment until which the server's state is known: there is no WAL of before that is not
// in the archive. through is until when everything is archived that the server wrote, as
// its machine knows, zero where nobody does. Of a stay that has ended nobody knows more
// than its WAL tells; the last of that is the checkpoint of a server that was stopped.
func (w *WAL) Reach(ctx context.Context, timeline uint32, from LSN, s Stay, through time.Time) (c WALCoverage, known time.Time, err error) {
	if c, err = w.Coverage(ctx, timeline, from, s.Timeline); err != nil {
		return c, known, err
	}
	known = c.Until
	switch {
	case s.Ended.IsZero():
		if c.Gap == "" && through.After(known) {
			known = through
		}
	case known.After(s.Ended):
		known = s.Ended
	}
	return c, known, nil
}

// WALCoverage is how far the WAL goes without a gap.
type WALCoverage struct {
	End   LSN       `json:"-"`
	LSN   string    `json:"lsn"`
	Until time.Time `json:"until"`             // when the last of it was written; zero when there is none
	Gap   string    `json:"missing,omitempty"` // the first segment that is missing, when there are later ones
}

// Coverage follows the WAL from the end of a set, on a timeline, to the end of another
// timeline. The set itself has the segment in which it ends, whole: the server begins
// another one when a backup ends, and the copy takes the segment after that.
func (w *WAL) Coverage(ctx context.Context, timeline uint32, from LSN, to uint32) (WALCoverage, error) {
	out, last := WALCoverage{End: from, LSN: from.String()}, ""
	way, err := w.way(ctx, timeline, from, to)
	if err != nil || len(way) == 0 {
		return out, err
	}
	for n := from.Segment(); ; n++ {
		s, end := w.at(way, n)
		written := int64(0)
		switch {
		case w.inSet(way, n, from):
			written, end, last = SegmentSize, way[len(way)-1].end, w.beyond(s, from)
		case s == (segment{}):
		case w.whole[s]:
			written, last = SegmentSize, s.String()
		default:
			for _, p := range w.pieces[s] {
				if p.from <= written && p.from+p.length > written {
					written, last = p.from+p.length, p.String()
				}
			}
		}
		if written > 0 {
			out.End = max(from, min(LSN(n*SegmentSize+uint64(written)), end))
		}
		// The next timeline begins in a segment of its own.
		if written < SegmentSize || n == end.Segment() {
			out.Gap = w.gap(way, n, out.End)
			break
		}
	}
	out.LSN = out.End.String()
	if last == "" || out.End == from {
		return out, nil
	}
	at, err := w.archive.stamped(ctx, w.file(last))
	if foreign(err) {
		// A piece that the shipper has replaced meanwhile; or a file that is not ours, which
		// whoever reads it refuses, and a verification names.
		at, err = w.listed[last], nil
	}
	out.Until = at
	return out, err
}

// inSet tells whether a set that ends at a position, where the way begins, has segment n
// to its end. Where another timeline begins in it, the way goes on there.
func (w *WAL) inSet(way []stretch, n uint64, end LSN) bool {
	return n == end.Segment() && end%SegmentSize > 0 && (len(way) == 1 || way[len(way)-2].first > n)
}

// beyond is the name of the last file of a segment that has WAL after a position in it.
func (w *WAL) beyond(s segment, at LSN) string {
	if w.whole[s] {
		return s.String()
	}
	last := ""
	for _, p := range w.pieces[s] {
		if p.from+p.length > int64(at%SegmentSize) {
			last = p.String()
		}
	}
	return last
}

// at is the file that holds segment n of a way, and where the part of the way on its
// timeline ends. Where one timeline follows another in the middle of a segment both
// have it, and the newer one counts, as it does for recovery.
func (w *WAL) at(way []stretch, n uint64) (segment, LSN) {
	for _, t := range way {
		if n < t.first || n > t.last {
			continue
		}
		s := segment{t.timeline, n}
		if w.whole[s] || len(w.pieces[s]) > 0 {
			return s, t.end
		}
	}
	return segment{}, 0
}

// gap is the name of segment n of a way, where the WAL ends, if the archive has a
// later one, or tells of a timeline that begins later.
func (w *WAL) gap(way []stretch, n uint64, end LSN) string {
	later := func(s segment) bool {
		for _, t := range way {
			if s.timeline == t.timeline && s.number > n && s.number >= t.first && s.number <= t.last {
				return true
			}
		}
		return false
	}
	found := len(way) > 1 && end < way[1].end
	for s := range w.whole {
		found = found || later(s)
	}
	for s := range w.pieces {
		found = found || later(s)
	}
	if !found {
		return ""
	}
	for _, t := range way {
		if n >= t.first && n <= t.last {
			return segment{t.timeline, n}.String()
		}
	}
	return ""
}

// Short tells that the archive ends before what was shipped to it, as when an older
// state of the target was put in its place. It is empty when all of that is there.
func (w *WAL) Short(ctx context.Context, bases []Base, shipped State) (string, error) {
	want, err := ParseLSN(shipped.Shipped)
	if err != nil || shipped.Timeline == 0 {
		return "", nil //nolint:nilerr // nothing was shipped yet
	}
	if last := w.Last().Timeline; last < shipped.Timeline {
		return fmt.Sprintf("the archive leads to timeline %d, and this machine ships timeline %d", last, shipped.Timeline), nil
	}
	leading, err := w.leading(ctx, bases, shipped.Timeline)
	if err != nil || len(leading) == 0 {
		return "", err
	}
	newest := leading[len(leading)-1]
	c, err := w.Coverage(ctx, newest.Timeline, newest.Stop, shipped.Timeline)
	if err != nil || c.End >= want || c.Gap != "" {
		return "", err // a gap is told as such
	}
	return fmt.Sprintf("the archive had the WAL of timeline %d until %s, and has it only until %s", shipped.Timeline, want, c.End), nil
}
