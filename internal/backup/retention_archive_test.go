package backup_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

func TestAnArchivedPictureStaysAsLongAsTheWindow(t *testing.T) {
	began := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	day := 24 * time.Hour
	set := func(id string, ago time.Duration, stays bool) backup.Decision {
		d := backup.Decision{Set: repository.Set{ID: id, BeganAt: began.Add(-ago)}}
		if stays {
			d.Reasons = []string{"a reason"}
		}
		return d
	}
	decisions := []backup.Decision{set("newest", 0, true), set("goes", 5*day, false), set("base", 8*day, true), set("monthly", 40*day, true), set("let go", 50*day, false)}
	needed := backup.PictureNeeded(decisions, map[string]string{"base": "begin of the window", "let go": "begin of the window"})
	for _, c := range []struct {
		rule    string
		arrived time.Duration // before the newest set
		want    bool
	}{
		{"one that came after the newest set", -time.Hour, true},
		{"one of the day before, which the newest set holds and may go with", day, true},
		{"one that may have been deleted before any set that stays", 4 * day, true},
		{"also where a set that goes has it", 6 * day, true},
		{"one from before the base but for the slack of clocks", 8*day + 23*time.Hour, true},
		{"none from before everything that the window needs", 9*day + time.Hour, false},
	} {
		if got := needed(began.Add(-c.arrived)); got != c.want {
			t.Errorf("%s: %v", c.rule, got)
		}
	}
	if !backup.PictureNeeded(decisions, nil)(began.Add(-100 * day)) {
		t.Error("a picture goes although nothing is known of the window")
	}
}

// A set every night and a prune after it. A report with a picture is deleted, and its
// object 72 hours later. While the minute before the deletion is in the window, the
// picture is in the set that its restore begins with, in the first one after it, or in
// the archive, whatever the window and however few sets are kept.
func TestEveryMomentOfTheWindowHasItsPictures(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, window := range []int{1, 7, 14, 30} {
		for _, lived := range []time.Duration{2 * time.Hour, 30 * time.Hour, 300 * time.Hour} {
			for day := 60; day < 74; day++ { // also of different months and weeks
				arrived := start.AddDate(0, 0, day).Add(10 * time.Hour)
				p := picturePast{window: window, arrived: arrived, moment: arrived.Add(lived - time.Minute), gone: arrived.Add(lived + 72*time.Hour)}
				if lost := p.lost(t, start); !lost.IsZero() {
					t.Errorf("a window of %d days, a picture of %s that lived for %s: lost at %s", window, arrived, lived, lost)
				}
			}
		}
	}
}

// picturePast is a picture that was deleted. At the moment its report was still there.
type picturePast struct {
	window                int // days
	arrived, moment, gone time.Time
}

// lost is the time at which the moment is promised and has no picture, zero if never.
func (p picturePast) lost(t *testing.T, start time.Time) time.Time {
	var sets []repository.Set // newest first
	archived := true
	for day := start; ; day = day.AddDate(0, 0, 1) {
		began, now := day.Add(2*time.Hour), day.Add(4*time.Hour)
		begin := now.AddDate(0, 0, -p.window)
		if begin.After(p.moment) {
			return time.Time{}
		}
		sets = append([]repository.Set{{ID: began.String(), BeganAt: began, EndedAt: began.Add(time.Hour)}}, sets...)
		base := sets[len(sets)-1]
		if i := slices.IndexFunc(sets, func(s repository.Set) bool { return !s.EndedAt.After(begin) }); i >= 0 {
			base = sets[i]
		}
		retention := backup.DefaultRetention()
		retention.Needed = map[string]string{base.ID: "begin of the window"}
		decisions, err := backup.Retain(sets, retention, now)
		if err != nil {
			t.Fatal(err)
		}
		archived = archived && (now.Before(p.arrived) || backup.PictureNeeded(decisions, retention.Needed)(p.arrived))
		sets = nil
		for _, d := range decisions {
			if d.Stays() {
				sets = append(sets, d.Set)
			}
		}
		if now.After(p.moment) && !archived && !p.inSets(sets) {
			return now
		}
	}
}

// inSets tells whether the sets that a restore of the moment looks into have it.
func (p picturePast) inSets(sets []repository.Set) bool {
	has := func(s repository.Set) bool { return s.BeganAt.After(p.arrived) && s.BeganAt.Before(p.gone) }
	i := slices.IndexFunc(sets, func(s repository.Set) bool { return !s.EndedAt.After(p.moment) })
	return i >= 0 && has(sets[i]) || i > 0 && has(sets[i-1])
}

func TestWALOfADatabaseGoesWhenNoKeptSetIsOfIt(t *testing.T) {
	archived := []string{"1", "2", "3"}
	for _, c := range []struct {
		rule       string
		used, want []string
	}{
		{"those of no set", []string{"2", "2"}, []string{"1", "3"}},
		{"none while each has a set", []string{"3", "1", "2"}, []string{}},
		{"a logical set is of no archived database", []string{""}, archived},
	} {
		if got := backup.UnusedSystems(archived, c.used); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.rule, got)
		}
	}
	if !slices.Equal(archived, []string{"1", "2", "3"}) {
		t.Errorf("the argument became %v", archived)
	}
}
