package archive

import (
	"context"
	"errors"
	"path"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// ErrAhead says that the archive has WAL which this server has not written.
var ErrAhead = errors.New("the archive has WAL that this server has not written")

// Ahead is a file of the archive that this server has not written, and the timeline that
// the server was on when it was found. It is remembered: the server goes on writing, and
// would pass the file some time later.
type Ahead struct {
	File     string `json:"file"`
	Timeline uint32 `json:"timeline"`
}

// ahead finds WAL from after a position of the server: a copy of it went on from there,
// or this is a copy, or the machine was put back to an older state of itself. WAL that is
// added then would be taken for a part of the other. before is what was found earlier:
// that is over once the file is gone, or the server is on a timeline after that.
//
// A name is believed only with the archiver's signature: everybody who can write to the
// target can invent one, and would so end the archive for good. forged is the first such
// file. A key that anybody has made up proves nothing; a retired one was this server's.
func (a *Archive) ahead(ctx context.Context, archived []target.File, timeline uint32, at LSN, before Ahead) (found Ahead, forged string, err error) {
	for _, f := range archived {
		name := path.Base(f.Name)
		if name == before.File && timeline <= before.Timeline {
			return before, forged, nil
		}
		if found.File != "" || !isAfter(name, timeline, at) {
			continue
		}
		switch _, err := a.stamped(ctx, f.Name); {
		case err == nil, errors.Is(err, ErrRetired): // of the key that this server had before
			found = Ahead{name, timeline}
		case errors.Is(err, ErrForged), errors.Is(err, ErrOtherFile):
			if forged == "" {
				forged = err.Error()
			}
		case !errors.Is(err, ErrMissing):
			return found, forged, err
		}
	}
	return found, forged, nil
}

// wentBack tells whether the server has flushed less than was shipped of its timeline: its
// data was put back to an older state while the shipper went on.
func (s *Shipper) wentBack(ctx context.Context) bool {
	shipped, none := ParseLSN(s.State.Shipped)
	timeline, lsn, asking := s.Source.Position(ctx)
	if none != nil || asking != nil || timeline != s.State.Timeline {
		return false
	}
	at, err := ParseLSN(lsn)
	return err == nil && at < shipped
}

// isAfter tells whether a file of the archive has WAL from after a position, or tells of a
// later timeline. What lies on an earlier timeline was left there by a restore.
func isAfter(name string, timeline uint32, at LSN) bool {
	if historyName.MatchString(name) || liveName.MatchString(name) {
		return parseTimeline(name[:8]) > timeline
	}
	seg, known := parseSegment(name)
	end := int64(SegmentSize)
	if p, piece := parsePiece(name); piece {
		seg, known, end = p.segment, true, p.from+p.length
	}
	return known && (seg.timeline > timeline || seg.timeline == timeline && LSN(seg.number*SegmentSize)+LSN(end) > at)
}

// CheckAhead fails when the archive has WAL which the server has not written, or had when
// state was saved. The archive and the server are left as they are, because only people
// know which of the two counts. It passes while the database does not answer.
func (a *Archive) CheckAhead(ctx context.Context, system string, source Source, state *State) (proven bool, err error) {
	// In this order, because the shipper may be at work.
	archived, err := a.list(ctx, path.Join("wal", system))
	if err != nil {
		return false, err
	}
	timeline, lsn, asking := source.Position(ctx)
	if asking != nil {
		return false, nil //nolint:nilerr // whoever works with the database is told
	}
	at, err := ParseLSN(lsn)
	if err != nil {
		return false, err
	}
	state.Ahead, state.Forged, err = a.ahead(ctx, archived, timeline, at, state.Ahead)
	if err != nil {
		return false, err
	}
	if state.Ahead.File == "" {
		return true, nil
	}
	return false, fault.Wrap(fault.Failed, ErrAhead,
		"to go on from the archive: bugspark restore --set latest; to go on from this server: set backup.target to an empty place and run 'bugspark apply', and keep the old one",
		"the server is at %s on timeline %d, and the archive has %s; nothing is added to it until somebody decides", at, timeline, state.Ahead.File)
}
