package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WAL is the archived WAL of one cluster, as it was when it was listed.
type WAL struct {
	archive *Archive
	system  string
	whole   map[segment]bool
	pieces  map[segment][]piece
	listed  map[string]time.Time // every file, as it was listed
	newest  uint32               // timeline
	history []switchPoint
}

// switchPoint is where one timeline ends and the next begins.
type switchPoint struct {
	timeline uint32
	at       LSN
}

// WAL lists what the archive has of a cluster.
func (a *Archive) WAL(ctx context.Context, system string) (*WAL, error) {
	dir := path.Join("wal", system)
	all, err := a.list(ctx, dir)
	if err != nil {
		return nil, err
	}
	w := &WAL{archive: a, system: system, whole: map[segment]bool{}, pieces: map[segment][]piece{}, listed: map[string]time.Time{}}
	newestHistory := ""
	for _, b := range all {
		name := path.Base(b.Name)
		w.listed[name] = b.ModifiedAt
		if s, ok := parseSegment(name); ok {
			w.whole[s] = true
			w.newest = max(w.newest, s.timeline)
		} else if p, ok := parsePiece(name); ok {
			w.pieces[p.segment] = append(w.pieces[p.segment], p)
			w.newest = max(w.newest, p.segment.timeline)
		} else if historyName.MatchString(name) {
			newestHistory = max(newestHistory, name)
		}
	}
	for _, pieces := range w.pieces {
		slices.SortFunc(pieces, func(a, b piece) int {
			if a.from != b.from {
				return int(a.from - b.from)
			}
			return int(b.length - a.length)
		})
	}
	if newestHistory != "" {
		return w, w.readHistory(ctx, newestHistory)
	}
	return w, nil
}

func (w *WAL) readHistory(ctx context.Context, name string) error {
	body, err := w.Open(ctx, name)
	if err != nil {
		return err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	timeline, err := strconv.ParseUint(name[:8], 16, 32)
	if err != nil {
		return err
	}
	w.newest = max(w.newest, uint32(timeline))
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		left, err := strconv.ParseUint(f[0], 10, 32)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		at, err := ParseLSN(f[1])
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		w.history = append(w.history, switchPoint{uint32(left), at})
	}
	return nil
}

// Current tells whether a set that ends at stop on a timeline leads to the newest
// timeline, rather than being on one that a restore has abandoned.
func (w *WAL) Current(timeline uint32, stop LSN) bool {
	if timeline >= w.newest {
		return true
	}
	for _, s := range w.history {
		if s.timeline == timeline {
			return stop <= s.at
		}
	}
	return false
}

// WALCoverage is how far the WAL goes without a gap.
type WALCoverage struct {
	End   LSN       `json:"-"`
	LSN   string    `json:"lsn"`
	Until time.Time `json:"until"`             // when the last of it was written
	Gap   string    `json:"missing,omitempty"` // the first segment that is missing, when there are later ones
}

// Coverage follows the WAL from a position on a timeline.
func (w *WAL) Coverage(ctx context.Context, timeline uint32, from LSN) (WALCoverage, error) {
	r, last := WALCoverage{End: from}, ""
	on := w.Current(timeline, from)
	for n := from.Segment(); ; n++ {
		s, ok := w.at(n, timeline, on)
		if !ok {
			for later := range w.whole {
				if later.number > n {
					r.Gap = segment{timeline, n}.String()
				}
			}
			break
		}
		if w.whole[s] {
			r.End, last = LSN((n+1)*SegmentSize), s.String()
			continue
		}
		end := int64(0)
		for _, p := range w.pieces[s] {
			if p.from <= end && p.from+p.length > end {
				end = p.from + p.length
				last = p.String()
			}
		}
		r.End = LSN(n*SegmentSize + uint64(end))
		break
	}
	r.LSN = r.End.String()
	if last == "" {
		return r, nil
	}
	at, err := w.archive.writtenAt(ctx, path.Join("wal", w.system, last))
	if errors.Is(err, fs.ErrNotExist) {
		at, err = w.listed[last], nil // a piece that the shipper has replaced meanwhile
	}
	r.Until = at
	return r, err
}

// at is the file that holds segment number n for whoever goes from a timeline
// to the newest, or stays on it. Where one timeline follows another in the middle
// of a segment both have it, and the newer one counts, as it does for recovery.
func (w *WAL) at(n uint64, timeline uint32, on bool) (segment, bool) {
	for _, t := range w.way(timeline, on) {
		if n < t.first || n > t.last {
			continue
		}
		s := segment{t.timeline, n}
		if w.whole[s] || len(w.pieces[s]) > 0 {
			return s, true
		}
	}
	return segment{}, false
}

// stretch is the part of a way that lies on one timeline, in segments.
type stretch struct {
	timeline    uint32
	first, last uint64
}

// way lists the timelines from one to the newest, newest first. Timelines that a
// restore has abandoned are not on it.
func (w *WAL) way(timeline uint32, on bool) []stretch {
	if !on || timeline >= w.newest {
		return []stretch{{timeline, 0, math.MaxUint64}}
	}
	first := uint64(0)
	var out []stretch
	for _, s := range w.history {
		if s.timeline >= timeline {
			out = append(out, stretch{s.timeline, first, s.at.Segment()})
		}
		first = s.at.Segment()
	}
	out = append(out, stretch{w.newest, first, math.MaxUint64})
	slices.Reverse(out)
	return out
}

// Open opens a segment or a history file as recovery asks for it. A segment
// that was never completed is filled up with zeros, where recovery ends.
//
// The history of a timeline that was left before it was archived is empty. To
// recovery, which looks for the newest timeline by asking for one after the
// other, a missing one would be the end, and what came after it would be lost.
func (w *WAL) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	s, isSegment := parseSegment(name)
	if isSegment {
		if !w.whole[s] {
			return w.pieced(ctx, s)
		}
	} else if !historyName.MatchString(name) {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	body, err := w.archive.open(ctx, path.Join("wal", w.system, name))
	if errors.Is(err, ErrMissing) && !isSegment && name < fmt.Sprintf("%08X", w.newest) {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return body, err
}

// pieced opens a segment that was there only in pieces. The shipper may have
// replaced them since they were listed, by fewer ones or by the whole segment; to
// recovery, a segment that is missing would be the end.
func (w *WAL) pieced(ctx context.Context, s segment) (io.ReadCloser, error) {
	body, err := w.assemble(ctx, s)
	if len(w.pieces[s]) == 0 || !errors.Is(err, ErrMissing) {
		return body, err
	}
	now, err := w.archive.WAL(ctx, w.system)
	if err != nil {
		return nil, err
	}
	if now.whole[s] {
		return w.archive.open(ctx, path.Join("wal", w.system, s.String()))
	}
	return now.assemble(ctx, s)
}

func (w *WAL) assemble(ctx context.Context, s segment) (io.ReadCloser, error) {
	pieces := w.pieces[s]
	if len(pieces) == 0 {
		return nil, fmt.Errorf("%s: %w", s, ErrMissing)
	}
	data := make([]byte, SegmentSize)
	end := int64(0)
	for _, p := range pieces {
		if p.from > end || p.from+p.length <= end {
			continue // behind a hole, or already had
		}
		body, err := w.archive.open(ctx, path.Join("wal", w.system, p.String()))
		if err != nil {
			return nil, err
		}
		_, err = io.ReadFull(body, data[p.from:p.from+p.length])
		if err = errors.Join(err, body.Close()); err != nil {
			return nil, fmt.Errorf("reading %s: %w", p, err)
		}
		end = p.from + p.length
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
