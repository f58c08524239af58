package backup

import (
	"fmt"
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
)

// Retention says which sets to keep: the newest of each of the last days, weeks and
// months that have one, and the one from which every moment of the window can be
// reached.
type Retention struct {
	Daily, Weekly, Monthly int
	Window                 time.Duration
	// NoWAL keeps every set of the window, because no WAL leads from one to the next.
	NoWAL bool
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

// base is the newest set before a moment, or else the oldest: -1 without any.
func base(sets []repository.Set, moment time.Time) int {
	for i, s := range sets { // newest first
		if !s.EndedAt.After(moment) {
			return i
		}
	}
	return len(sets) - 1
}

// WALBase is the kept set from which on WAL must stay: the newest one that was
// whole before the window began, so that every moment of the window can be reached
// from it, or else the oldest. decisions are newest first. It is false without any set.
func WALBase(decisions []Decision, windowBegin time.Time) (base Decision, ok bool) {
	for _, k := range decisions {
		if !k.Stays() {
			continue
		}
		base, ok = k, true
		if k.EndedAt.Before(windowBegin) {
			break
		}
	}
	return base, ok
}

// PicturesBefore is the time before which no archived picture is needed: the
// newest set holds every picture that was there when it began. The day more is for
// clocks that differ. decisions are newest first and not empty.
func PicturesBefore(decisions []Decision) time.Time { return decisions[0].BeganAt.Add(-24 * time.Hour) }

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
	if i := base(sets, now.Add(-r.Window)); r.Window > 0 && i >= 0 {
		out[i].Reasons = append(out[i].Reasons, "begin of the window")
	}
	if len(sets) == 0 || !slices.ContainsFunc(out, func(d Decision) bool { return !d.Stays() }) {
		return out, nil
	}
	switch age := now.Sub(sets[0].EndedAt); {
	case age > stale:
		return out, fault.New(fault.Preflight, "find out why: bugspark backup create", "the newest set is %s old, so no old one is let go", age.Round(time.Hour))
	case age < -time.Hour:
		return out, fault.New(fault.Preflight, "check the clock: timedatectl", "the newest set is from the future (%s), so none is let go", sets[0].EndedAt.UTC().Format(time.RFC3339))
	}
	return out, nil
}
