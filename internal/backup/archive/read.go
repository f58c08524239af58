package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"
)

// WAL is the archived WAL of one cluster, as it was when it was listed.
type WAL struct {
	archive   *Archive
	system    string
	whole     map[segment]bool
	pieces    map[segment][]piece
	listed    map[string]time.Time // every file, as it was listed
	largest   uint32               // number of a timeline that was ever used
	stays     []Stay               // of the server, in their order
	histories map[uint32][]switchPoint
	set       Base  // that recovery begins with
	unread    error // why a file that tells of a timeline cannot be read
}

// farTimeline is how far beyond the server's timeline a number counts. Recovery asks for
// each number in turn, and a file with any name may be put into the archive.
const farTimeline = 1000

// Unread is why a file that tells of a timeline cannot be read. What is the newest state
// is then not known.
func (w *WAL) Unread() error { return w.unread }

// Refresh lists the archive again.
func (w *WAL) Refresh(ctx context.Context) error {
	now, err := w.archive.WAL(ctx, w.system)
	if err != nil {
		return err
	}
	now.SkipTimelines(w.largest)
	now.set = w.set
	*w = *now
	return nil
}

// WAL lists what the archive has of a cluster.
func (a *Archive) WAL(ctx context.Context, system string) (*WAL, error) {
	if !systemName.MatchString(system) {
		return nil, fmt.Errorf("%.40q is no system identifier", system)
	}
	all, err := a.list(ctx, path.Join("wal", system))
	if err != nil {
		return nil, err
	}
	w := &WAL{archive: a, system: system, whole: map[segment]bool{}, pieces: map[segment][]piece{}, listed: map[string]time.Time{}, histories: map[uint32][]switchPoint{}}
	var numbers []uint32
	for _, b := range all {
		name := path.Base(b.Name)
		w.listed[name] = b.ModifiedAt
		if s, ok := parseSegment(name); ok {
			w.whole[s] = true
		} else if p, ok := parsePiece(name); ok {
			w.pieces[p.segment] = append(w.pieces[p.segment], p)
		} else if !historyName.MatchString(name) && !liveName.MatchString(name) {
			continue
		}
		numbers = append(numbers, parseTimeline(name[:8]))
	}
	for _, pieces := range w.pieces {
		slices.SortFunc(pieces, func(a, b piece) int {
			if a.from != b.from {
				return int(a.from - b.from)
			}
			return int(b.length - a.length)
		})
	}
	w.readStays(ctx)
	for _, n := range numbers {
		if n <= w.Last().Timeline+farTimeline {
			w.largest = max(w.largest, n)
		}
	}
	if len(w.stays) == 0 && w.largest > 0 && w.unread == nil {
		// The archive of a version that did not tell of timelines.
		w.stays = []Stay{{Timeline: w.largest}}
	}
	return w, nil
}

// BeginWith says with which set recovery begins. Recovery takes a segment of the archive
// before that of the set, and would end in one of which the set has more.
func (w *WAL) BeginWith(set Base) { w.set = set }

// setHasMore tells whether the set has more of a segment than the archive, which has it
// in pieces up to end. The last segment of its own timeline it has whole, see Coverage.
func (w *WAL) setHasMore(s segment, end int64) bool {
	stop := w.set.Stop
	return LSN(s.number*SegmentSize)+LSN(end) < stop || s == segment{w.set.Timeline, stop.Segment()} && stop%SegmentSize > 0
}

// Open opens a segment or a history file as recovery asks for it. A segment
// that was never completed is filled up with zeros, where recovery ends.
//
// To give its own timeline a number, recovery asks for one history after the other
// until one is missing. Those of numbers that were used are not missing: where the
// archive has none that is believed, it is empty.
func (w *WAL) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	s, isSegment := parseSegment(name)
	if isSegment {
		if !w.whole[s] {
			return w.pieced(ctx, s)
		}
	} else if !historyName.MatchString(name) {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	body, err := w.archive.open(ctx, w.file(name))
	if (errors.Is(err, ErrMissing) || errors.Is(err, ErrRetired)) && !isSegment && parseTimeline(name[:8]) <= w.largest {
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
		return w.archive.open(ctx, w.file(s.String()))
	}
	now.set = w.set
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
		body, err := w.archive.open(ctx, w.file(p.String()))
		if err != nil {
			return nil, err
		}
		part, err := readAll(body)
		if err == nil && int64(len(part)) != p.length {
			err = fmt.Errorf("%s of the archive has %d bytes", w.file(p.String()), len(part))
		}
		if err != nil {
			return nil, err
		}
		copy(data[p.from:], part)
		end = p.from + p.length
	}
	if w.setHasMore(s, end) {
		return nil, fmt.Errorf("%s, of which the set has more: %w", s, ErrMissing)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
