package history

import (
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// KeptFile remembers the sets that must be on the target.
const KeptFile = "kept-sets.json"

// KeptSet is a set that this machine has saved, or found on a target that it took over,
// and has not let go since.
type KeptSet struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Missing time.Time `json:"missing_since,omitzero"` // when a job first found that it is not there
}

// Kept are the sets of one place. What the target lists says nothing of a set whose index
// was deleted there, and without its index its data looks like garbage.
type Kept struct {
	Place string    `json:"target"`
	Sets  []KeptSet `json:"sets"` // oldest first
}

// KeptOn is what is remembered of a place. A machine that knows only its newest set is
// one that was upgraded.
func (h History) KeptOn(place string) Kept {
	switch {
	case h.SetsElsewhere(place):
		return Kept{Place: place}
	case h.Kept.Place == "" && h.Set.ID != "":
		return Kept{Place: place, Sets: []KeptSet{{ID: h.Set.ID, At: h.Set.At}}}
	}
	return Kept{Place: place, Sets: h.Kept.Sets}
}

// SetsElsewhere tells whether the newest set lies on another place than this.
func (h History) SetsElsewhere(place string) bool {
	last := h.Kept.Place
	if last == "" {
		last = h.Set.Place
	}
	return last != "" && last != place
}

// Seen compares with the sets that are there. Those that nobody remembers count from now
// on: a machine that was installed anew begins with what the target has.
func (k Kept) Seen(there []KeptSet, now time.Time) Kept {
	out := Kept{Place: k.Place, Sets: slices.Clone(there)}
	for i := range out.Sets {
		out.Sets[i].Missing = time.Time{}
	}
	for _, s := range k.Sets {
		if slices.ContainsFunc(there, func(t KeptSet) bool { return t.ID == s.ID }) {
			continue
		}
		if s.Missing.IsZero() {
			s.Missing = now.UTC()
		}
		out.Sets = append(out.Sets, s)
	}
	slices.SortStableFunc(out.Sets, func(a, b KeptSet) int { return a.At.Compare(b.At) })
	return out
}

// Missing are the sets that were not there when a job last looked, oldest first.
func (k Kept) Missing() []KeptSet {
	return slices.DeleteFunc(slices.Clone(k.Sets), func(s KeptSet) bool { return s.Missing.IsZero() })
}

// Found are the others.
func (k Kept) Found() Kept {
	k.Sets = slices.DeleteFunc(slices.Clone(k.Sets), func(s KeptSet) bool { return !s.Missing.IsZero() })
	return k
}

// Forget leaves out sets that are let go. It comes before their deletion: after an
// interruption in between they are there, and the next job that looks remembers them.
func Forget(d config.Dirs, ids []string) error {
	h, err := Read(d)
	if err != nil || len(ids) == 0 {
		return err
	}
	h.Kept.Sets = slices.DeleteFunc(h.Kept.Sets, func(s KeptSet) bool { return slices.Contains(ids, s.ID) })
	return Write(d, KeptFile, h.Kept)
}
