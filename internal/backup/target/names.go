package target

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// The directories of a target.
const (
	setsDir     = "sets/"
	walDir      = "archive/wal/"
	picturesDir = "archive/pictures/"
	archiveDir  = "archive/"
)

// formatFile tells repositories apart: it is written once, when one is made, and
// without it nothing in the repository can be read.
const formatFile = setsDir + "kopia.repository.f"

// immutable tells whether a file is written once under its name: everything of sets and
// archive but the engine's timetable. What else lies on a target, such as RESTORE.txt
// and the rescue programs, can be made again by every version of this program.
func immutable(name string) bool {
	if strings.HasPrefix(name, setsDir) {
		return name != setsDir+"kopia.maintenance.f"
	}
	return strings.HasPrefix(name, archiveDir)
}

// ofTimeline are the files that tell of a timeline. They are the only ones of the archive
// that this program writes again over what is there.
var ofTimeline = regexp.MustCompile(`^archive/wal/[0-9]+/[0-9A-F]{8}\.(live|history)\.zst\.age$`)

// Stages of a copy: a file comes after those that it names, and goes before them.
const (
	stageFormat = iota // names nothing, and tells whose files the others are
	stagePacks         // and pictures
	stageWAL           // names pictures
	stageIndex         // names packs
	stageOther
	stages
)

func stage(name string) int {
	switch {
	case strings.HasPrefix(name, setsDir+"kopia."), name == setsDir+".shards":
		return stageFormat
	case packed(name):
		return stagePacks
	case strings.HasPrefix(name, setsDir):
		return stageIndex
	case immutable(name):
		return stageWAL
	}
	return stageOther
}

// packed tells whether a file holds contents that only others make reachable.
func packed(name string) bool {
	return strings.HasPrefix(name, setsDir+"p/") || strings.HasPrefix(name, setsDir+"q/") || strings.HasPrefix(name, picturesDir)
}

// piece is a part of the WAL segment that is being written. Pieces are replaced by
// larger ones, and in the end by the whole segment.
type piece struct {
	segment      string // name of the whole segment
	from, behind int64
}

var pieceName = regexp.MustCompile(`^(archive/wal/.*/[0-9A-F]{24})\.([0-9]{8})-([0-9]{8})(\..*)?$`)

func parsePiece(name string) (piece, bool) {
	m := pieceName.FindStringSubmatch(name)
	if m == nil {
		return piece{}, false
	}
	from, _ := strconv.ParseInt(m[2], 10, 64) // the pattern holds only digits
	length, _ := strconv.ParseInt(m[3], 10, 64)
	return piece{m[1] + m[4], from, from + length}, true
}

// replaced tells which pieces hold nothing that another file of files does not hold: the
// WAL of a segment is the same in the whole of it and in any piece. Empty files hold
// nothing.
func replaced(files map[string]File) []string {
	bySegment := map[string][]string{}
	for name := range files {
		if p, ok := parsePiece(name); ok {
			bySegment[p.segment] = append(bySegment[p.segment], name)
		}
	}
	var out []string
	for segment, pieces := range bySegment {
		for _, name := range pieces {
			if files[segment].Size > 0 || covered(name, pieces, files) {
				out = append(out, name)
			}
		}
	}
	return out
}

// covered tells whether a larger piece of the same segment holds all of one.
func covered(name string, pieces []string, files map[string]File) bool {
	p, _ := parsePiece(name)
	for _, other := range pieces {
		o, _ := parsePiece(other)
		if o.from <= p.from && o.behind >= p.behind && o.behind-o.from > p.behind-p.from && files[other].Size > 0 {
			return true
		}
	}
	return false
}

// copied tells whether a copy has the file of the first target, as far as sizes tell.
// Files of moderate size that may change are copied in every run.
func copied(f, have File) bool {
	const moderate = 1 << 20
	return f.Size == have.Size && (immutable(f.Name) || f.Size > moderate || path.Dir(f.Name) == "rescue")
}
