package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// Source is the database as a shipper asks it.
type Source interface {
	// Heartbeat writes a heartbeat to the database, at most every minute, and tells
	// whether everything that was acknowledged before the call is in the spool.
	Heartbeat(context.Context) (spooled bool, err error)
	// Pictures are the keys of the pictures whose rows were written since.
	Pictures(ctx context.Context, since time.Time) ([]string, error)
}

// Shipper brings the WAL out of the spool, and the pictures it names, to the
// archive. One shipper works on an archive at a time.
type Shipper struct {
	Archive *Archive
	System  string // system identifier of the cluster
	Spool   string // has a directory for each timeline that pg_receivewal wrote
	Source  Source
	Objects objectstore.Store
	Now     func() time.Time
	Log     *slog.Logger

	State State // as it was saved last; the zero value at first
	pics  map[string]time.Time
	tail  tail
}

// State is how far the archive is.
type State struct {
	Position LSN `json:"-"`
	// Shipped is Position in PostgreSQL's form.
	Shipped string `json:"shipped_lsn"`
	// Through is a moment until which everything that was acknowledged is in the
	// archive: what would be lost with this machine is what came after it.
	Through time.Time `json:"through"`
	// Last is the newest whole segment; the next one must follow it.
	Last string `json:"last_segment"`
	// Gap is the last gap that was found; a set that begins behind it closes it.
	Gap   string    `json:"gap,omitempty"`
	GapAt time.Time `json:"gap_at,omitzero"`
	// GapEnd is the first segment behind the gap.
	GapEnd string `json:"gap_end,omitempty"`
	// Pictures are in the archive up to here.
	Pictures time.Time `json:"pictures"`
	// Waiting is how many bytes of WAL the spool holds.
	Waiting int64 `json:"spool_bytes"`
}

// GapOpen tells whether there is a gap that a set beginning at start has not
// closed. start is a position in PostgreSQL's form, empty without any set.
func (s State) GapOpen(start string) bool {
	end, known := parseSegment(s.GapEnd)
	at, err := ParseLSN(start)
	return s.Gap != "" && !(known && err == nil && at.Segment() >= end.number)
}

// tail is the segment that is being written, as far as it was shipped.
type tail struct {
	segment segment
	end     int64
	pieces  []piece
}

const (
	// overlap covers rows whose transaction began long before it ended.
	overlap = 10 * time.Minute
	// manyPieces of one segment are replaced by one.
	manyPieces = 64
)

// spooled is the spool as it was at one moment, each file with its path.
type spooled struct {
	histories []string
	cuts      []string // segments never to be completed
	segments  []string
	partial   string // "" when there is none
	end       int64  // of what was written of it
	bytes     int64
}

// Round ships what there is: it lists the spool, ships new pictures, and then the
// WAL that it has listed. An object is stored before the row that names it, so that
// no archived WAL names an object that is missing in the archive.
func (s *Shipper) Round(ctx context.Context) error {
	began := s.Now()
	spooled, heartbeatErr := s.Source.Heartbeat(ctx)
	spool, err := s.look()
	if err != nil {
		return err
	}
	s.State.Waiting = spool.bytes
	// Without an answer of the database pictures wait, and what was received of the
	// WAL is shipped all the same.
	if heartbeatErr == nil {
		if err := s.pictures(ctx, began); err != nil {
			return err
		}
	}
	if err := s.wal(ctx, spool); err != nil {
		return err
	}
	if spooled {
		s.State.Through = began
	}
	return nil
}

func (s *Shipper) look() (spooled, error) {
	var out spooled
	timelines, err := os.ReadDir(s.Spool)
	if err != nil {
		return out, fmt.Errorf("looking into the WAL spool: %w", err)
	}
	for i, t := range timelines {
		dir := filepath.Join(s.Spool, t.Name())
		entries, err := os.ReadDir(dir)
		if err != nil {
			return out, fmt.Errorf("looking into the WAL spool: %w", err)
		}
		if len(entries) == 0 && i < len(timelines)-1 {
			_ = os.Remove(dir) // all of it is shipped; a failure is repeated in the next round
		}
		for _, e := range entries {
			if err := s.sort(&out, filepath.Join(dir, e.Name())); err != nil {
				return out, err
			}
		}
	}
	byName := func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) }
	slices.SortFunc(out.segments, byName)
	return out, nil
}

// sort adds one file of the spool to the list of its kind.
func (s *Shipper) sort(out *spooled, file string) error {
	name := filepath.Base(file)
	if historyName.MatchString(name) {
		out.histories = append(out.histories, file)
		return nil
	}
	if _, ok := parseSegment(name); ok {
		out.segments = append(out.segments, file)
		out.bytes += SegmentSize
		return nil
	}
	if _, ok := parseSegment(strings.TrimSuffix(name, ".cut")); ok {
		out.cuts = append(out.cuts, file)
		return nil
	}
	seg, ok := parseSegment(strings.TrimSuffix(name, ".partial"))
	if !ok || name < filepath.Base(out.partial) {
		return nil // none of ours, or soon to be cut
	}
	known := int64(0)
	if s.tail.segment == seg {
		known = s.tail.end
	}
	end, err := written(file, known)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // completed meanwhile
	}
	out.partial, out.end = file, end
	out.bytes += end
	return err
}

// written is where the WAL in a partial segment ends. Behind it pg_receivewal has
// filled the file with zeros. WAL that itself ends in zeros may be cut there, since a
// reader fills a segment up with zeros.
func written(name string, known int64) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	const step = 256 << 10
	buf := make([]byte, step)
	end := known
	// Forward from what is known, in blocks; WAL has no block of zeros this long.
	for at := known; at < SegmentSize; at += step {
		n, err := f.ReadAt(buf[:min(step, SegmentSize-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("reading the WAL spool: %w", err)
		}
		last := len(strings.TrimRight(string(buf[:n]), "\x00"))
		if last == 0 {
			break
		}
		end = at + int64(last)
	}
	return end, nil
}

func (s *Shipper) dir() string { return path.Join("wal", s.System) }

func (s *Shipper) wal(ctx context.Context, spool spooled) error {
	for _, file := range spool.histories {
		if err := s.move(ctx, file); err != nil {
			return err
		}
	}
	for _, file := range spool.cuts {
		if err := s.shipCut(ctx, file); err != nil {
			return err
		}
	}
	for _, file := range spool.segments {
		seg, _ := parseSegment(filepath.Base(file)) // or it would not be among them
		s.follow(seg)
		if err := s.move(ctx, file); err != nil {
			return err
		}
		s.State.Last = seg.String()
		s.advance(seg, SegmentSize)
		if err := s.forgetPieces(ctx, seg); err != nil {
			return err
		}
	}
	return s.shipTail(ctx, spool)
}

// shipCut ships what there is of a segment whose rest will never come.
func (s *Shipper) shipCut(ctx context.Context, file string) error {
	seg, _ := parseSegment(strings.TrimSuffix(filepath.Base(file), ".cut")) // or it would be none
	end, err := written(file, 0)
	if err != nil {
		return err
	}
	if end > 0 {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("reading the WAL spool: %w", err)
		}
		defer f.Close()
		if err := s.put(ctx, piece{seg, 0, end}.String(), f, 0, end); err != nil {
			return err
		}
	}
	if s.tail.segment == seg {
		s.tail = tail{}
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("clearing the WAL spool: %w", err)
	}
	return nil
}

// put ships a part of a spooled file under the time it was written at, which
// may be long ago when the target was away: the moments that can be brought back
// end there.
func (s *Shipper) put(ctx context.Context, name string, f *os.File, from, length int64) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading the WAL spool: %w", err)
	}
	return s.Archive.put(ctx, path.Join(s.dir(), name), io.NewSectionReader(f, from, length), info.ModTime())
}

// follow notices when WAL is missing before a segment. A new timeline, which a
// restore begins, and taking one back, may go on anywhere; its history tells
// readers where, and the receiver asks for a set of its own.
func (s *Shipper) follow(seg segment) {
	last, ok := parseSegment(s.State.Last)
	if !ok || seg.timeline != last.timeline || seg.number == last.number+1 || seg == last {
		return
	}
	s.State.Gap, s.State.GapAt, s.State.GapEnd = fmt.Sprintf("%s to %s", last, seg), s.Now(), seg.String()
	s.Log.Error("WAL is missing from the archive; a new set is wanted", "after", last.String(), "before", seg.String())
}

func (s *Shipper) advance(seg segment, end int64) {
	s.State.Position = LSN(seg.number*SegmentSize + uint64(end))
	s.State.Shipped = s.State.Position.String()
}

// move ships a whole file and removes it from the spool once the archive has it.
func (s *Shipper) move(ctx context.Context, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("reading the WAL spool: %w", err)
	}
	defer f.Close()
	if err := s.put(ctx, filepath.Base(from), f, 0, math.MaxInt64); err != nil {
		return err
	}
	if err := os.Remove(from); err != nil {
		return fmt.Errorf("clearing the WAL spool: %w", err)
	}
	return nil
}

func (s *Shipper) shipTail(ctx context.Context, spool spooled) error {
	seg, ok := parseSegment(strings.TrimSuffix(filepath.Base(spool.partial), ".partial"))
	if !ok {
		return nil
	}
	if seg != s.tail.segment {
		s.tail = tail{segment: seg}
	}
	if spool.end <= s.tail.end {
		return nil
	}
	s.follow(seg)
	f, err := os.Open(spool.partial)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // complete by now, the next round ships it
	}
	if err != nil {
		return fmt.Errorf("reading the WAL spool: %w", err)
	}
	defer f.Close()
	p := piece{seg, s.tail.end, spool.end - s.tail.end}
	whole := len(s.tail.pieces) >= manyPieces || len(s.tail.pieces) == 0
	if whole {
		p = piece{seg, 0, spool.end}
	}
	if err := s.put(ctx, p.String(), f, p.from, p.length); err != nil {
		return err
	}
	if whole {
		if err := s.dropPieces(ctx, s.tail.pieces); err != nil {
			return err
		}
		s.tail.pieces = nil
	}
	s.tail.pieces, s.tail.end = append(s.tail.pieces, p), spool.end
	s.advance(seg, spool.end)
	return nil
}

func (s *Shipper) dropPieces(ctx context.Context, pieces []piece) error {
	for _, p := range pieces {
		if err := s.Archive.remove(ctx, path.Join(s.dir(), p.String())); err != nil {
			return fmt.Errorf("removing a part of a segment that is whole: %w", err)
		}
	}
	return nil
}

// forgetPieces removes the pieces of a segment that the archive has whole. Those
// of a shipper before this one are left to Prune.
func (s *Shipper) forgetPieces(ctx context.Context, seg segment) error {
	if s.tail.segment != seg {
		return nil
	}
	err := s.dropPieces(ctx, s.tail.pieces)
	s.tail = tail{}
	return err
}
