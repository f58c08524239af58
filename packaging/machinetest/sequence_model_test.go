package machinetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// effect is what one request did to the reports. It happened at a moment between
// sent and acked.
type effect struct {
	id          string
	gone        bool // the report was deleted
	sent, acked time.Time
}

// stretch is a time in which one database was live.
type stretch struct {
	from, to time.Time // to is zero while it is live
	base     map[string]bool
	effects  []effect
}

// at is what the database held at a moment: reports that must be there, and those
// that may be.
func (s *stretch) at(t time.Time) (must, may map[string]bool) {
	must, may = maps.Clone(s.base), maps.Clone(s.base)
	for _, e := range s.effects {
		happened := !e.acked.After(t)
		switch {
		case e.sent.After(t):
		case !e.gone:
			may[e.id] = true
			if happened {
				must[e.id] = true
			}
		default:
			delete(must, e.id)
			if happened {
				delete(may, e.id)
			}
		}
	}
	return must, may
}

// mismatch is how reports that were found differ from those that were expected.
type mismatch struct {
	lost, resurrected []string
	want              int
}

func (d mismatch) none() bool { return len(d.lost)+len(d.resurrected) == 0 }

func (d mismatch) size() int { return len(d.lost) + len(d.resurrected) }

func (d mismatch) String() string {
	return fmt.Sprintf("of %d reports %d are lost, and %d are there that must not be", d.want, len(d.lost), len(d.resurrected))
}

// match compares reports with the states of a stretch between two moments, and
// returns the mismatch with the state that is nearest.
func (s *stretch) match(have map[string]bool, from, to time.Time) mismatch {
	moments := []time.Time{from, to}
	for _, e := range s.effects {
		for _, t := range []time.Time{e.sent, e.acked} {
			if t.After(from) && t.Before(to) {
				moments = append(moments, t)
			}
		}
	}
	var best mismatch
	for i, t := range moments {
		must, may := s.at(t)
		d := mismatch{lost: missing(must, have), resurrected: missing(have, may), want: len(must)}
		if i == 0 || d.size() < best.size() {
			best = d
		}
	}
	return best
}

// missing are those of a that are not in b.
func missing(a, b map[string]bool) []string {
	var out []string
	for id := range a {
		if !b[id] {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// span is a time, without its begin.
type span struct{ after, to time.Time }

func (s span) holds(t time.Time) bool {
	return t.After(s.after) && (s.to.IsZero() || !t.After(s.to))
}

// listed is a set as the product lists it: it holds the state of a moment between
// the two.
type listed struct {
	id          string
	began, done time.Time
}

// model knows what was acknowledged when, and what can be brought back.
type model struct {
	stretches []*stretch
	kept      map[string]bool // what the last restore has put aside, or nil
	first     time.Time       // from here on there are backups
	unknown   []span          // what happened then may be in no backup
	through   time.Time       // as status promised it last
	sets      []listed        // oldest first
	pictures  map[string][]byte

	copied     time.Time // the second target holds what was archived then; zero without one
	copiedSets []listed
	away, off  bool
	on         time.Time // when backups were turned on last
}

func newModel(base map[string]bool, pictures map[string][]byte, now time.Time) *model {
	return &model{stretches: []*stretch{{from: now, base: base}}, pictures: maps.Clone(pictures)}
}

func (m *model) live() *stretch { return m.stretches[len(m.stretches)-1] }

// stretchAt is the stretch of a moment; nil while databases were exchanged.
func (m *model) stretchAt(t time.Time) *stretch {
	for _, s := range m.stretches {
		if !t.Before(s.from) && (s.to.IsZero() || !t.After(s.to)) {
			return s
		}
	}
	return nil
}

// known tells whether the state of a moment must be there.
func (m *model) known(t time.Time) bool {
	return !t.Before(m.first) && m.stretchAt(t) != nil && !slices.ContainsFunc(m.unknown, func(u span) bool { return u.holds(t) })
}

// note adds what a request did.
func (m *model) note(e effect) {
	live := m.live()
	live.effects = append(live.effects, e)
}

// now is what the live database holds.
func (m *model) now() map[string]bool {
	must, _ := m.live().at(time.Now())
	return must
}

// begin starts a stretch at the end of a command that exchanged the databases and
// began at the moment began.
func (m *model) begin(base map[string]bool, began, ended time.Time) {
	if live := m.live(); live.to.IsZero() {
		live.to = began
	}
	m.stretches = append(m.stretches, &stretch{from: ended, base: maps.Clone(base)})
}

func (m *model) restored(base map[string]bool, began, ended time.Time) {
	m.kept = m.now()
	m.begin(base, began, ended)
}

func (m *model) undone(began, ended time.Time) {
	m.begin(m.kept, began, ended)
	m.kept = nil
}

// destroyed ends the machine. What was not archived then may be gone, and of a
// restore from the second target everything since the last copy.
func (m *model) destroyed(at time.Time, fromCopy bool) (promised time.Time) {
	promised = m.through
	if fromCopy {
		promised, m.sets = m.copied, m.copiedSets
	}
	m.copied, m.through = time.Time{}, promised
	m.live().to = at
	m.unknown = append(m.unknown, span{m.written(promised), at})
	for i := range m.unknown {
		if m.unknown[i].to.IsZero() {
			m.unknown[i].to = at
		}
	}
	m.kept, m.away, m.off = nil, false, false
	return promised
}

// written is the last moment, up to one that was promised, of which WAL must be in the
// archive. That nothing happened between the two only the machine knew that is gone.
func (m *model) written(promised time.Time) time.Time {
	for _, s := range slices.Backward(m.stretches) {
		if s.from.After(promised) {
			continue
		}
		last := s.from
		for _, e := range s.effects {
			if !e.acked.After(promised) && e.acked.After(last) {
				last = e.acked
			}
		}
		return last
	}
	return promised
}

// between compares reports with every state between two moments, on whichever
// databases were live.
func (m *model) between(have map[string]bool, from, to time.Time) mismatch {
	var best *mismatch
	for _, s := range m.stretches {
		begin, end := from, to
		if begin.Before(s.from) {
			begin = s.from
		}
		if !s.to.IsZero() && end.After(s.to) {
			end = s.to
		}
		if begin.After(end) {
			continue
		}
		if d := s.match(have, begin, end); best == nil || d.size() < best.size() {
			best = &d
		}
	}
	if best == nil {
		return mismatch{resurrected: missing(have, nil)}
	}
	return *best
}

// turnOff begins a hole: nothing is archived any more.
func (m *model) turnOff() {
	m.off = true
	m.unknown = append(m.unknown, span{after: m.written(m.through)})
}

// see takes over the sets that are listed. The first one that began after backups
// were turned on again ends the hole.
func (m *model) see(sets []listed) {
	m.sets = slices.SortedFunc(slices.Values(sets), func(a, b listed) int { return a.began.Compare(b.began) })
	if len(m.sets) > 0 && m.first.IsZero() {
		m.first = m.sets[0].done
	}
	for i, u := range m.unknown {
		for _, s := range m.sets {
			if u.to.IsZero() && !m.off && s.began.After(m.on) {
				m.unknown[i].to = s.done
				break
			}
		}
	}
}

// moments are those worth going back to whose state is known, oldest first: begin
// and end of each stretch, quiet times, and between two requests.
func (m *model) moments(now time.Time) []time.Time {
	var out []time.Time
	for _, s := range m.stretches {
		end := s.to
		if end.IsZero() {
			end = now
		}
		last := s.from
		out = append(out, s.from.Add(time.Millisecond))
		for i, e := range s.effects {
			gap := e.sent.Sub(last)
			if gap > time.Second || i%3 == 1 {
				out = append(out, last.Add(gap/2))
			}
			last = e.acked
		}
		out = append(out, last.Add(end.Sub(last)/2), end)
	}
	out = slices.DeleteFunc(out, func(t time.Time) bool { return !m.known(t) })
	return slices.CompactFunc(slices.SortedFunc(slices.Values(out), time.Time.Compare), time.Time.Equal)
}

// pick is one of a list, by a number of 0 to 99.
func pick[T any](list []T, percent int) (T, bool) {
	if len(list) == 0 {
		var none T
		return none, false
	}
	return list[min(len(list)-1, percent*len(list)/100)], true
}

// stamp is a moment for people and for --time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// describe tells the stretches, for the report of a failure.
func (m *model) describe() string {
	var b strings.Builder
	for i, s := range m.stretches {
		to := "now"
		if !s.to.IsZero() {
			to = s.to.Format("15:04:05.000")
		}
		fmt.Fprintf(&b, "  database %d, live from %s to %s: %d reports at first, then", i, s.from.Format("15:04:05.000"), to, len(s.base))
		for _, e := range s.effects {
			fmt.Fprintf(&b, " %s%.8s %s;", map[bool]string{true: "-", false: "+"}[e.gone], e.id, e.acked.Format("05.000"))
		}
		b.WriteByte('\n')
	}
	for _, u := range m.unknown {
		fmt.Fprintf(&b, "  not known: after %s to %s\n", u.after.Format("15:04:05.000"), u.to.Format("15:04:05.000"))
	}
	for _, s := range m.sets {
		fmt.Fprintf(&b, "  set %s, %s to %s\n", s.id, s.began.Format("15:04:05.000"), s.done.Format("15:04:05.000"))
	}
	fmt.Fprintf(&b, "  archived through %s", m.through.Format("15:04:05.000"))
	return b.String()
}
