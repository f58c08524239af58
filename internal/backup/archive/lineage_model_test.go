package archive

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// TestSequencesOfRestoresKeepEveryMomentOfTheWindow restores, takes restores back and
// prunes at random, and asks for random moments of the window whether the sets and
// the WAL that are left lead there. BUGSPARK_SOAK is how long it goes on.
func TestSequencesOfRestoresKeepEveryMomentOfTheWindow(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(3 * time.Second)
	if soak := os.Getenv("BUGSPARK_SOAK"); soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		end = time.Now().Add(d)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	first := uint64(time.Now().UnixNano())
	if text := os.Getenv("BUGSPARK_SEED"); text != "" {
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the first seed is %d", first)
	pruned := 0
	seed := first
	for ; time.Now().Before(end); seed++ {
		m := newLineageModel(t, seed, identity)
		for range 60 {
			m.step()
		}
		if t.Failed() {
			t.Fatalf("seed %d, window %s:\n%s", seed, m.window, strings.Join(m.log, "\n"))
		}
		pruned += m.pruned
	}
	t.Logf("%d sequences, %d files pruned", seed-first, pruned)
	if pruned == 0 {
		t.Error("nothing was pruned")
	}
}

// position is a place in the WAL.
type position struct {
	timeline uint32
	lsn      LSN
}

// lineageModel is a server with its WAL, which is archived at once, and its sets.
type lineageModel struct {
	t       *testing.T
	random  *rand.Rand
	archive *Archive
	now     time.Time
	window  time.Duration
	live    position
	parents map[uint32]position // where each timeline begins
	past    []moment            // in the order of time
	sets    []Base
	aside   *position // what the last restore put aside
	pruned  int
	log     []string
}

// moment is where the server was at a time.
type moment struct {
	at time.Time
	position
}

func newLineageModel(t *testing.T, seed uint64, identity *age.X25519Identity) *lineageModel {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &lineageModel{
		t: t, random: r, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), window: time.Duration(1+r.IntN(10)) * 24 * time.Hour, live: position{1, SegmentSize + 40}, parents: map[uint32]position{},
		archive: &Archive{Target: target.Directory(t.TempDir()), Recipient: identity.Recipient(), Identity: identity, Signer: key, Writers: []ed25519.PublicKey{public}},
	}
	m.arrive(position{})
	m.write()
	m.set()
	return m
}

func (m *lineageModel) note(format string, args ...any) {
	m.log = append(m.log, m.now.Format("01-02 15:04 ")+fmt.Sprintf(format, args...))
}

func (m *lineageModel) put(name, content string) {
	m.t.Helper()
	if err := m.archive.put(context.Background(), path.Join("wal", "7", name), strings.NewReader(content), m.now); err != nil {
		m.t.Fatal(err)
	}
}

// arrive tells the archive that the server is on its timeline, and where it left the
// one before.
func (m *lineageModel) arrive(left position) {
	history := ""
	for at, ok := m.parents[m.live.timeline]; ok; at, ok = m.parents[at.timeline] {
		history = fmt.Sprintf("%d\t%s\tmodel\n", at.timeline, at.lsn) + history
	}
	if history != "" {
		m.put(fmt.Sprintf("%08X.history", m.live.timeline), history)
	}
	m.put(fmt.Sprintf("%08X.live", m.live.timeline), fmt.Sprintf(`{"since":%q,"left":{"timeline":%d,"lsn":%q}}`, m.now.Format(time.RFC3339Nano), left.timeline, left.lsn))
	m.remember()
}

func (m *lineageModel) remember() { m.past = append(m.past, moment{m.now, m.live}) }

func (m *lineageModel) step() {
	m.now = m.now.Add(time.Duration(m.random.Int64N(int64(20 * time.Hour))))
	switch m.random.IntN(9) {
	case 0, 1, 2:
		m.write()
	case 3, 4:
		m.set()
	case 5:
		s := m.sets[m.random.IntN(len(m.sets))]
		m.note("restore set %s", s.Set)
		m.fork(position{s.Timeline, s.Stop})
	case 6:
		p := m.past[m.random.IntN(len(m.past))]
		if p.at.Before(m.promised()) {
			return
		}
		m.note("restore %s, %v", p.at.Format("01-02 15:04"), p.position)
		m.fork(p.position)
	case 7:
		if m.aside != nil {
			m.note("undo")
			m.fork(*m.aside)
			m.aside = nil
		}
	case 8:
		m.prune()
	}
}

// write writes WAL.
func (m *lineageModel) write() {
	end := m.live.lsn + LSN(1+m.random.Int64N(3*SegmentSize))
	for n := m.live.lsn.Segment(); n <= end.Segment(); n++ {
		s := segment{m.live.timeline, n}
		if n < end.Segment() {
			m.put(s.String(), "whole")
		} else {
			m.put(piece{s, 0, int64(end % SegmentSize)}.String(), "a piece")
		}
	}
	m.live.lsn = end
	m.note("write to %v", m.live)
	m.remember()
}

func (m *lineageModel) set() {
	s := Base{Set: fmt.Sprintf("s%d", len(m.log)), Timeline: m.live.timeline, Start: m.live.lsn}
	m.now = m.now.Add(time.Minute)
	m.write()
	s.Stop, s.EndedAt = m.live.lsn, m.now
	m.sets = append(m.sets, s)
	// A backup ends its segment.
	if last := m.live.lsn.Segment(); m.live.lsn%SegmentSize > 0 {
		m.put(segment{m.live.timeline, last}.String(), "whole")
		m.live.lsn = LSN((last + 1) * SegmentSize)
	}
	m.note("set %+v", s)
}

// fork goes on from a position on a new timeline.
func (m *lineageModel) fork(from position) {
	m.write() // what it writes when it is shut down
	aside := m.live
	next := uint32(len(m.parents) + 2)
	m.parents[next] = from
	m.live = position{next, from.lsn}
	m.aside = &aside
	m.now = m.now.Add(time.Second)
	m.arrive(aside)
}

// promised is when the first set was whole, or the window began.
func (m *lineageModel) promised() time.Time {
	begin := m.now.Add(-m.window)
	if first := m.past[0].at; begin.Before(first) {
		begin = first
	}
	return begin
}

func (m *lineageModel) prune() {
	begin := m.now.Add(-m.window)
	w, err := m.archive.WAL(context.Background(), "7")
	if err != nil {
		m.t.Fatal(err)
	}
	if w.Last().Timeline != m.live.timeline {
		m.t.Errorf("the live timeline is %d, not %d", m.live.timeline, w.Last().Timeline)
	}
	needs, err := w.Needs(context.Background(), m.sets, begin)
	if err != nil {
		m.t.Fatal(err)
	}
	// Which other sets stay is decided elsewhere, and anything must do.
	before := m.sets
	m.sets = slices.DeleteFunc(slices.Clone(m.sets), func(s Base) bool {
		_, needed := needs.Sets[s.Set]
		return !needed && m.random.IntN(2) == 0
	})
	gone, err := m.archive.Prune(context.Background(), "7", needs, begin, false)
	if err != nil {
		m.t.Fatal(err)
	}
	m.pruned += gone.Files
	m.note("prune: %d of %d sets stay, %d files go", len(m.sets), len(before), gone.Files)
	m.check(before)
}

// check wants for every moment of the window what led to it before.
func (m *lineageModel) check(before []Base) {
	w, err := m.archive.WAL(context.Background(), "7")
	if err != nil {
		m.t.Fatal(err)
	}
	promised, err := w.Moments(context.Background(), m.sets, m.now)
	if err != nil {
		m.t.Fatal(err)
	}
	for i, p := range m.past {
		until := m.now
		if i+1 < len(m.past) {
			if until = m.past[i+1].at; m.past[i+1].timeline != p.timeline {
				until = p.at.Add(time.Nanosecond) // from then on the server is stopped
			}
		}
		begin := m.now.Add(-m.window)
		for _, at := range []time.Time{p.at, until.Add(-time.Nanosecond)} {
			known := m.leads(w, before, p.position, at)
			leads := m.leads(w, m.sets, p.position, at)
			if known && !leads && !at.Before(begin) {
				m.t.Errorf("nothing leads to %s any more, where the server was at %v", at.Format("01-02 15:04:05"), p.position)
			}
			if stay := w.Stay(at); stay.Timeline != p.timeline {
				m.t.Errorf("at %s the server was on timeline %d, not %d", at.Format("01-02 15:04:05"), p.timeline, stay.Timeline)
			}
			told := slices.ContainsFunc(promised, func(s Moments) bool { return !s.From.After(at) && !at.After(s.To) })
			// Files that were written in the same instant may have gone in part.
			inside := slices.ContainsFunc(promised, func(s Moments) bool { return !s.From.After(at) && at.Before(s.To) })
			if inside && !leads {
				m.t.Errorf("%s is promised, where the server was at %v, and nothing leads there", at.Format("01-02 15:04:05"), p.position)
			}
			if !told && leads && !at.Before(begin) {
				m.t.Errorf("%s is not promised, where the server was at %v", at.Format("01-02 15:04:05"), p.position)
			}
		}
	}
}

// leads tells, by the model's own knowledge of what follows what, whether a set that
// was whole by then and the archived WAL lead to a position.
func (m *lineageModel) leads(w *WAL, sets []Base, to position, at time.Time) bool {
	return slices.ContainsFunc(sets, func(s Base) bool {
		return !s.EndedAt.After(at) && m.walked(w, position{s.Timeline, s.Stop}, to)
	})
}

// walked goes back from a position to where a set is consistent, looking for every
// segment.
func (m *lineageModel) walked(w *WAL, from, to position) bool {
	has := func(s segment) bool { return w.whole[s] || len(w.pieces[s]) > 0 }
	// A timeline begins with a copy of the segment in which it leaves the one before.
	copied := map[uint64]bool{}
	for {
		begin, last := from.lsn, to.timeline == from.timeline
		parent, forked := m.parents[to.timeline]
		if last && from.lsn > to.lsn {
			return false
		}
		if !last {
			if !forked {
				return false
			}
			begin = parent.lsn
		}
		for n := begin.Segment(); n <= to.lsn.Segment(); n++ {
			s := segment{to.timeline, n}
			inSet := last && n == from.lsn.Segment() && from.lsn%SegmentSize > 0 // to its end
			// Where nothing was written, nothing is needed.
			if copied[n] = copied[n] || inSet || has(s); to.lsn > begin && !copied[n] {
				return false
			}
		}
		if last {
			return true
		}
		to = parent
	}
}
