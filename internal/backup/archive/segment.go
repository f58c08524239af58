package archive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// SegmentSize is the size of a WAL segment in bytes, the default of initdb.
const SegmentSize = 16 << 20

// LSN is a position in the WAL.
type LSN uint64

// ParseLSN reads PostgreSQL's form, such as 1/9A0000F8.
func ParseLSN(s string) (LSN, error) {
	high, low, ok := strings.Cut(s, "/")
	h, err := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !ok || err != nil || err2 != nil {
		return 0, fmt.Errorf("%q is no position in the WAL", s)
	}
	return LSN(h<<32 | l), nil
}

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint64(l)>>32, uint64(l)&0xffffffff) }

// Segment is the number of the segment that l lies in.
func (l LSN) Segment() uint64 { return uint64(l) / SegmentSize }

// segment is one file of the WAL.
type segment struct {
	timeline uint32
	number   uint64
}

const perFile = 0x100000000 / SegmentSize // segments in what PostgreSQL calls a log file

func (s segment) String() string {
	return fmt.Sprintf("%08X%08X%08X", s.timeline, s.number/perFile, s.number%perFile)
}

var (
	segmentName = regexp.MustCompile(`^[0-9A-F]{24}$`)
	historyName = regexp.MustCompile(`^[0-9A-F]{8}\.history$`)
	pieceName   = regexp.MustCompile(`^([0-9A-F]{24})\.([0-9]{8})-([0-9]{8})$`)
)

func parseSegment(name string) (segment, bool) {
	if !segmentName.MatchString(name) {
		return segment{}, false
	}
	t, _ := strconv.ParseUint(name[:8], 16, 32) // the pattern holds only digits
	file, _ := strconv.ParseUint(name[8:16], 16, 32)
	part, _ := strconv.ParseUint(name[16:], 16, 32)
	if part >= perFile {
		return segment{}, false
	}
	return segment{uint32(t), file*perFile + part}, true
}

// piece is a part of a segment that is still being written: where its bytes begin,
// and how many there are.
type piece struct {
	segment segment
	from    int64
	length  int64
}

func (p piece) String() string { return fmt.Sprintf("%s.%08d-%08d", p.segment, p.from, p.length) }

func parsePiece(name string) (piece, bool) {
	m := pieceName.FindStringSubmatch(name)
	if m == nil {
		return piece{}, false
	}
	s, ok := parseSegment(m[1])
	from, _ := strconv.ParseInt(m[2], 10, 64)
	length, _ := strconv.ParseInt(m[3], 10, 64)
	return piece{s, from, length}, ok && from+length <= SegmentSize
}
