package backup

import (
	"fmt"
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
)

// Retention says which sets to keep: the newest of each of the last days, weeks and
// months that have one, and those from which every moment of the window can be
// reached.
type Retention struct {
	Daily, Weekly, Monthly int
	Window                 time.Duration
	// NoWAL keeps every set of the window, because no WAL leads from one to the next.
	NoWAL bool
	// Needed are the sets from which WAL leads into the window, with the reason.
	Needed map[string]string
}

// DefaultRetention reaches back half a year with at most 17 sets.
func DefaultRetention() Retention { return Retention{Daily: 7, Weekly: 4, Monthly: 6} }

const (
	// atLeast sets are kept whatever the retention says.
	atLeast = 3
	// stale is the age of the newest set beyond which nothing is deleted: new sets do
	// not come, and old ones may be all there is.
	stale = 48 * time.Hour
)

// Decision is one set and why it stays; without reasons it goes.
type Decision struct {
	repository.Set
	Reasons []string
}

// pictureOverlap is for clocks that differ, and for the time a set takes.
const pictureOverlap = 24 * time.Hour

// PictureNeeded tells whether an archived picture must stay, by the time of its
// arrival. It may go when it came before the oldest set that leads into the window:
// that set has it, unless it was deleted before every moment of the window. That a
// later set has it is no reason: that set may go while moments before it stay, and a
// restore of these looks into the set it begins with and the first one after them.
func PictureNeeded(decisions []Decision, needed map[string]string) func(arrival time.Time) bool {
	oldest := time.Time{}
	for _, k := range decisions {
		if _, leads := needed[k.ID]; leads && k.Stays() {
			oldest = k.BeganAt // newest first
		}
	}
	return func(arrival time.Time) bool { return !arrival.Before(oldest.Add(-pictureOverlap)) }
}

// UnusedSystems are the databases in an archive that no kept set is of.
func UnusedSystems(archived, used []string) []string {
	return slices.DeleteFunc(slices.Clone(archived), func(s string) bool { return slices.Contains(used, s) })
}

// Stays tells whether the set is kept.
func (d Decision) Stays() bool { return len(d.Reasons) > 0 }

// Retain decides about every set, newest first. It refuses to let any go while
// the newest one is stale or from the future, since the clock or the backups
// are then not to be trusted.
func Retain(sets []repository.Set, r Retention, now time.Time) ([]Decision, error) {
	sets = slices.Clone(sets)
	slices.SortFunc(sets, func(a, b repository.Set) int { return b.EndedAt.Compare(a.EndedAt) })
	out := make([]Decision, len(sets))
	for i, s := range sets {
		out[i].Set = s
		if r.NoWAL && now.Sub(s.EndedAt) < r.Window {
			out[i].Reasons = append(out[i].Reasons, "in the window")
		}
		if i < atLeast {
			out[i].Reasons = append(out[i].Reasons, fmt.Sprintf("newest %d", atLeast))
		}
	}
	for _, rule := range []struct {
		name   string
		n      int
		period func(time.Time) string
	}{
		{"daily", r.Daily, func(t time.Time) string { return t.Format(time.DateOnly) }},
		{"weekly", r.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprintf("%d-W%02d", y, w) }},
		{"monthly", r.Monthly, func(t time.Time) string { return t.Format("2006-01") }},
	} {
		last, n := "", 0
		for i := range out {
			if p := rule.period(out[i].EndedAt.In(now.Location())); p != last && n < rule.n {
				last, n = p, n+1
				out[i].Reasons = append(out[i].Reasons, rule.name+" "+p)
			}
		}
	}
	for i := range out {
		if why, needed := r.Needed[out[i].ID]; needed {
			out[i].Reasons = append(out[i].Reasons, why)
		}
	}
	if len(sets) == 0 || !slices.ContainsFunc(out, func(d Decision) bool { return !d.Stays() }) {
		return out, nil
	}
	switch age := now.Sub(sets[0].EndedAt); {
	case age > stale:
		return out, fault.New(fault.Preflight, "bugspark backup create tells why; where room is needed: bugspark backup prune --now --anyway SET", "the newest set is %s old, so no old one is let go", age.Round(time.Hour))
	case age < -time.Hour:
		return out, fault.New(fault.Preflight, "check the clock: timedatectl", "the newest set is from the future (%s), so none is let go", sets[0].EndedAt.UTC().Format(time.RFC3339))
	}
	return out, nil
}
