package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A timeline that the server was on has a file beside its WAL, written by the
// machine of the server before any WAL of it: "NNNNNNNN.live". Every restore and
// every undo puts the server on a timeline with a new, larger number, so that the
// largest of these files is the timeline that the server is on. The number of a WAL
// file would not tell that: a restore that was taken back in its middle has one, and
// so may a copy of the server that was started by hand.
const liveSuffix = ".live"

var (
	liveName     = regexp.MustCompile(`^([0-9A-F]{8})\.live$`)
	timelineName = regexp.MustCompile(`^[0-9A-F]{8}$`)
)

// Stay is the time that the server spent on one timeline: until the begin of the
// next one, or until now.
type Stay struct {
	Timeline uint32    `json:"-"`
	Since    time.Time `json:"since"` // by the server's clock; no transaction of it is older
	Left     Left      `json:"left,omitzero"`
	Ended    time.Time `json:"-"` // zero of the last one
}

// Left is where the WAL ended that was received of the timeline before, for whoever looks
// into an archive by hand.
type Left struct {
	Timeline uint32 `json:"timeline"`
	LSN      string `json:"lsn"`
}

func parseTimeline(digits string) uint32 {
	n, _ := strconv.ParseUint(digits, 16, 32) // the patterns hold eight digits
	return uint32(n)
}

// readStays reads when the server came to each of its timelines.
//
// One that a retired key has signed is unknown. That is no harm before the first that is
// known, where a moment is refused. Behind it, it may be the one that the server is on.
func (w *WAL) readStays(ctx context.Context) {
	retired := map[uint32]error{}
	for name := range w.listed {
		m := liveName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		s, err := w.readStay(ctx, name)
		if errors.Is(err, ErrRetired) {
			retired[parseTimeline(m[1])] = err
			continue
		}
		if err != nil {
			w.unread = errors.Join(w.unread, err)
			continue
		}
		s.Timeline = parseTimeline(m[1])
		w.stays = append(w.stays, s)
	}
	slices.SortFunc(w.stays, func(a, b Stay) int { return int(int64(a.Timeline) - int64(b.Timeline)) })
	for n, err := range retired {
		if len(w.stays) == 0 || n > w.stays[0].Timeline {
			w.unread = errors.Join(w.unread, err)
		}
	}
	for i := range w.stays[:max(len(w.stays)-1, 0)] {
		w.stays[i].Ended = w.stays[i+1].Since
	}
}

func (w *WAL) readStay(ctx context.Context, name string) (s Stay, err error) {
	body, err := w.archive.open(ctx, w.file(name))
	if err != nil {
		return s, err
	}
	data, err := readAll(body)
	if err != nil {
		return s, err
	}
	if err = json.Unmarshal(data, &s); err != nil {
		err = fmt.Errorf("reading %s from the archive: %w", w.file(name), err)
	}
	return s, err
}

func (w *WAL) file(name string) string { return path.Join("wal", w.system, name) }

// Last is the stay that lasts; its timeline is zero when the archive knows none.
func (w *WAL) Last() Stay {
	if len(w.stays) == 0 {
		return Stay{}
	}
	return w.stays[len(w.stays)-1]
}

// Stay is the stay during which a moment lies. A moment before all of them lies in the
// first: its timeline has the history of those before it.
func (w *WAL) Stay(moment time.Time) Stay {
	for _, s := range slices.Backward(w.stays) {
		if !s.Since.After(moment) {
			return s
		}
	}
	if len(w.stays) == 0 {
		return Stay{}
	}
	return w.stays[0]
}

// SkipTimelines makes recovery choose none of the numbers up to n.
func (w *WAL) SkipTimelines(n uint32) { w.largest = max(w.largest, n) }

// switchPoint is where one timeline ends and the next begins.
type switchPoint struct {
	timeline uint32
	at       LSN
}

// history lists the timelines before one, the oldest first. The archive may lack the
// history of a timeline, and then nothing else leads to it.
func (w *WAL) history(ctx context.Context, timeline uint32) ([]switchPoint, error) {
	if points, known := w.histories[timeline]; known {
		return points, nil
	}
	name := fmt.Sprintf("%08X.history", timeline)
	var points []switchPoint
	if _, there := w.listed[name]; there {
		body, err := w.archive.open(ctx, w.file(name))
		if err != nil {
			return nil, err
		}
		data, err := readAll(body)
		if err == nil {
			points, err = parseHistory(string(data))
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	w.histories[timeline] = points
	return points, nil
}

func parseHistory(text string) ([]switchPoint, error) {
	var out []switchPoint
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		left, err := strconv.ParseUint(f[0], 10, 32)
		if err != nil {
			return nil, err
		}
		at, err := ParseLSN(f[1])
		if err != nil {
			return nil, err
		}
		out = append(out, switchPoint{uint32(left), at})
	}
	return out, nil
}

// stretch is the part of a way that lies on one timeline.
type stretch struct {
	timeline    uint32
	first, last uint64 // segments
	end         LSN    // where the next timeline begins
}

// way lists the stretches that lead from a position on a timeline to another
// timeline, the last first. It is empty when none lead there: the position may be on
// a stretch that a restore has abandoned.
func (w *WAL) way(ctx context.Context, timeline uint32, from LSN, to uint32) ([]stretch, error) {
	if timeline == to {
		return []stretch{{to, from.Segment(), math.MaxUint64, math.MaxUint64}}, nil
	}
	points, err := w.history(ctx, to)
	if err != nil {
		return nil, err
	}
	begin := slices.IndexFunc(points, func(p switchPoint) bool { return p.timeline == timeline })
	if begin < 0 || from > points[begin].at {
		return nil, nil
	}
	first := from.Segment()
	var out []stretch
	for _, p := range points[begin:] {
		out = append(out, stretch{p.timeline, first, p.at.Segment(), p.at})
		first = p.at.Segment()
	}
	out = append(out, stretch{to, first, math.MaxUint64, math.MaxUint64})
	slices.Reverse(out)
	return out, nil
}

// Leads tells whether WAL can lead from a position on a timeline to another timeline.
func (w *WAL) Leads(ctx context.Context, timeline uint32, from LSN, to uint32) (bool, error) {
	way, err := w.way(ctx, timeline, from, to)
	return len(way) > 0, err
}
