package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strconv"
	"strings"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// Inspection is what looking through the archive found.
type Inspection struct {
	Files   int64 // read to their end
	Bytes   int64 // as they were before they were compressed and encrypted
	Damages []string
	Retired int64 // files that a retired key has signed, which are not read
}

// damagesAtMost bounds what an inspection lists.
const damagesAtMost = 100

// Inspect reads percent of the files to their end. What was damaged cannot be decrypted,
// and neither can what was forged by whoever does not know the recipient; what was put
// under another name, or is WAL of another place, tells so itself.
func (a *Archive) Inspect(ctx context.Context, percent float64) (Inspection, error) {
	var out Inspection
	for _, dir := range []string{"wal", pictureDir} {
		all, err := a.list(ctx, dir)
		if err != nil {
			return out, err
		}
		for _, f := range all {
			if err := ctx.Err(); err != nil {
				return out, err
			}
			if percent < 100 && rand.Float64()*100 >= percent {
				continue
			}
			a.inspect(ctx, f, &out)
		}
	}
	return out, nil
}

func (a *Archive) inspect(ctx context.Context, f target.File, out *Inspection) {
	n, err := a.examine(ctx, f.Name)
	if errors.Is(err, ErrMissing) {
		return // the shipper has replaced it meanwhile, or a prune let it go
	}
	out.Files, out.Bytes = out.Files+1, out.Bytes+n
	if errors.Is(err, ErrRetired) {
		out.Retired++
		return
	}
	if err != nil && len(out.Damages) < damagesAtMost {
		out.Damages = append(out.Damages, err.Error())
	}
}

// examine reads one file and compares what it is with its name.
func (a *Archive) examine(ctx context.Context, name string) (int64, error) {
	body, err := a.open(ctx, name)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	first := make([]byte, walHeader)
	n, err := io.ReadFull(body, first)
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		var rest int64
		rest, err = io.Copy(io.Discard, body)
		if rest += int64(n); err == nil {
			return rest, checkWAL(name, first[:n], rest)
		}
	}
	return int64(n), fmt.Errorf("reading %s from the archive: %w", name, err)
}

// walHeader is the size of the header of the first page of a segment, and these are
// the places of its fields (XLogLongPageHeaderData of PostgreSQL).
const (
	walHeader    = 40
	timelineAt   = 4
	addressAt    = 8
	systemAt     = 24
	segmentSizAt = 32
)

// checkWAL compares a segment, or the begin of one, with its name. The first page of a
// segment in which a timeline begins is of the timeline before.
func checkWAL(name string, header []byte, size int64) error {
	dir, base := path.Split(name)
	system, isWAL := strings.CutPrefix(strings.TrimSuffix(dir, "/"), "wal/")
	s, whole := parseSegment(base)
	p, piece := parsePiece(base)
	if !isWAL || !whole && !piece {
		return nil
	}
	want := int64(SegmentSize)
	if piece {
		s, want = p.segment, p.length
	}
	if size != want {
		return fmt.Errorf("%s of the archive has %d bytes and not %d", name, size, want)
	}
	if piece && p.from > 0 || len(header) < walHeader {
		return nil
	}
	field := func(at int) uint64 { return binary.LittleEndian.Uint64(header[at:]) }
	timeline := binary.LittleEndian.Uint32(header[timelineAt:])
	if strconv.FormatUint(field(systemAt), 10) != system || field(addressAt) != s.number*SegmentSize || timeline > s.timeline ||
		binary.LittleEndian.Uint32(header[segmentSizAt:]) != SegmentSize {
		return fmt.Errorf("%s of the archive holds WAL of another place: timeline %d, %s, database %d", name, timeline, LSN(field(addressAt)), field(systemAt))
	}
	return nil
}
