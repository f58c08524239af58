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
	// Position is the timeline and the end of the WAL that the server writes.
	Position(context.Context) (timeline uint32, lsn string, err error)
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
	tries map[string]int // of pictures that could not be archived
	tail  tail
	list  listing
	// unknown: the archive does not know yet of the timeline that the server is on.
	unknown bool
}

// State is how far the archive is.
type State struct {
	Position LSN `json:"-"`
	// Shipped is Position in PostgreSQL's form, on Timeline.
	Shipped  string `json:"shipped_lsn"`
	Timeline uint32 `json:"timeline"`
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
	// Unread is since when new pictures cannot be found or read.
	Unread time.Time `json:"pictures_unread_since,omitzero"`
	// Waiting is how many bytes of WAL the spool holds.
	Waiting int64 `json:"spool_bytes"`
	// Trouble is why the last round did not bring Through up to date.
	Trouble string `json:"trouble,omitempty"`
	// Place is where the archive of all this is. Another one has nothing yet.
	Place string `json:"target,omitempty"`
	// Ahead is WAL of the archive that this server has not written.
	Ahead Ahead `json:"ahead,omitzero"`
	// Forged is a file of the archive that no archiver of this installation has written,
	// although its name is of WAL from after that of the server.
	Forged string `json:"forged,omitempty"`
	// Timelines are the histories that the archive has, as SYSTEM/NAME. They stay in
	// the spool, for the archive on another target.
	Timelines []string `json:"timelines,omitempty"`
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
	// cut ends the name of a segment that will never be completed.
	cut = ".cut"
)

// Round ships what there is: it lists the spool, ships new pictures, and then the
// WAL that it has listed. An object is stored before the row that names it, so that
// no archived WAL names an object that is missing in the archive; see wait for the
// exception.
func (s *Shipper) Round(ctx context.Context) error {
	began := s.Now()
	flushed := s.flushed(ctx)
	spooled, asking := s.Source.Heartbeat(ctx)
	spool, err := s.look()
	if err != nil {
		return err
	}
	s.State.Waiting = spool.bytes
	missing := s.pictures(ctx, began, asking, s.news(spool))
	if missing != nil && s.wait(began) {
		return missing
	}
	if err := errors.Join(s.wal(ctx, spool), missing); err != nil {
		return err
	}
	s.State.Unread, s.State.Trouble = time.Time{}, ""
	switch {
	case asking != nil:
		s.State.Trouble = fmt.Sprintf("the database does not answer: %v", asking)
	case !spooled:
		s.State.Trouble = "the newest WAL of the database has not reached the spool"
	case s.fileIsGone(spool, flushed):
		s.State.Trouble = "the segment that is received is not in the spool any more, somebody has removed it: restart the receiver of the WAL, then: bugspark backup create"
	case s.unknown:
		s.State.Trouble = "the server has not told the history of its timeline yet"
	default:
		s.State.Through = began
	}
	return nil
}

// flushed is the end of the server's WAL, zero where it does not answer.
func (s *Shipper) flushed(ctx context.Context) LSN {
	_, lsn, err := s.Source.Position(ctx)
	if err != nil {
		return 0
	}
	at, _ := ParseLSN(lsn)
	return at
}

// fileIsGone tells whether the spool lacks the segment in which the server was, and the
// archive does as well. The receiver goes on with a file that was removed, and the server
// believes that what is written there is safe.
func (s *Shipper) fileIsGone(spool spooled, flushed LSN) bool {
	seg, partial := parseSegment(strings.TrimSuffix(filepath.Base(spool.partial), ".partial"))
	return flushed%SegmentSize > 0 && s.State.Position < flushed && !(partial && seg.number >= flushed.Segment())
}

// news tells whether the spool has WAL that the archive lacks.
func (s *Shipper) news(spool spooled) bool {
	seg, partial := parseSegment(strings.TrimSuffix(filepath.Base(spool.partial), ".partial"))
	return len(spool.segments) > 0 || partial && (seg != s.tail.segment || spool.end > s.tail.end)
}

func (s *Shipper) dir() string { return path.Join("wal", s.System) }

func (s *Shipper) wal(ctx context.Context, spool spooled) error {
	for _, file := range spool.histories {
		if err := s.copyOnce(ctx, file); err != nil {
			return err
		}
	}
	// In the order of the WAL. Before the first of a timeline comes the file that tells of
	// it, and with it until where that of the timeline before was received.
	for _, file := range spool.segments {
		seg, _ := parseSegment(strings.TrimSuffix(filepath.Base(file), cut)) // or it would not be among them
		if err := s.shipStays(ctx, &spool, seg.timeline); err != nil {
			return err
		}
		ship := s.shipSegment
		if strings.HasSuffix(file, cut) {
			ship = s.shipCut
		}
		if err := ship(ctx, seg, file); err != nil {
			return err
		}
	}
	if err := s.shipStays(ctx, &spool, math.MaxUint32); err != nil {
		return err
	}
	return s.shipTail(ctx, spool)
}

func (s *Shipper) shipSegment(ctx context.Context, seg segment, file string) error {
	s.follow(seg)
	if err := s.move(ctx, file); err != nil {
		return err
	}
	s.State.Last = seg.String()
	s.advance(seg, SegmentSize)
	return s.forgetPieces(ctx, seg)
}

// shipCut ships what there is of a segment whose rest will never come.
func (s *Shipper) shipCut(ctx context.Context, seg segment, file string) error {
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
		if err := s.put(ctx, piece{seg, 0, end}.String(), f, 0, end, time.Time{}); err != nil {
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
// end there. A zero time is that of the file, to which nothing is added any more.
func (s *Shipper) put(ctx context.Context, name string, f *os.File, from, length int64, at time.Time) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading the WAL spool: %w", err)
	}
	if at.IsZero() {
		at = info.ModTime()
	}
	return s.Archive.put(ctx, path.Join(s.dir(), name), io.NewSectionReader(f, from, length), at)
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
	s.State.Timeline, s.State.Position = seg.timeline, LSN(seg.number*SegmentSize+uint64(end))
	s.State.Shipped = s.State.Position.String()
}

// move ships a whole file and removes it from the spool once the archive has it.
func (s *Shipper) move(ctx context.Context, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("reading the WAL spool: %w", err)
	}
	defer f.Close()
	if err := s.put(ctx, filepath.Base(from), f, 0, math.MaxInt64, time.Time{}); err != nil {
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
	if err := s.put(ctx, p.String(), f, p.from, p.length, spool.at); err != nil {
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
