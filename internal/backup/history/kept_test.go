package history_test

import (
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
)

func TestWhatIsRememberedOfAPlace(t *testing.T) {
	at := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	kept := func(place string, ids ...string) history.Kept {
		k := history.Kept{Place: place}
		for _, id := range ids {
			k.Sets = append(k.Sets, history.KeptSet{ID: id, At: at})
		}
		return k
	}
	for _, c := range []struct {
		rule    string
		h       history.History
		there   []string
		missing string
	}{
		{"a machine that was installed anew", history.History{}, []string{"a", "b"}, ""},
		{"one that was upgraded knows its newest set", history.History{Set: history.SavedSet{ID: "c", Place: "/t"}}, []string{"a"}, "c"},
		{"which may be of a version that did not note the place", history.History{Set: history.SavedSet{ID: "c"}}, []string{"a"}, "c"},
		{"nothing of another place", history.History{Set: history.SavedSet{ID: "c", Place: "/u"}}, []string{"a"}, ""},
		{"nothing of another place than the sets'", history.History{Kept: kept("/u", "c")}, []string{"a"}, ""},
		{"a set that was let go is forgotten, be it the newest", history.History{Set: history.SavedSet{ID: "c", Place: "/t"}, Kept: kept("/t", "a")}, []string{"a"}, ""},
		{"a set that is gone", history.History{Kept: kept("/t", "a", "b")}, []string{"b"}, "a"},
	} {
		k := c.h.KeptOn("/t").Seen(kept("/t", c.there...).Sets, at)
		missing := ""
		for _, s := range k.Missing() {
			missing += s.ID
		}
		if missing != c.missing || len(k.Found().Sets) != len(c.there) {
			t.Errorf("%s: %q is missing, want %q; %d are there", c.rule, missing, c.missing, len(k.Found().Sets))
		}
		later := k.Seen(kept("/t", c.there...).Sets, at.Add(time.Hour))
		if m := later.Missing(); len(m) > 0 && !m[0].Missing.Equal(at) {
			t.Errorf("%s: missing since %s", c.rule, m[0].Missing)
		}
		if back := k.Seen(k.Sets, at); len(back.Missing()) > 0 {
			t.Errorf("%s: what came back is missing", c.rule)
		}
	}
}
