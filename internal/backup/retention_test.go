package backup_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

// nightly makes one set a night, the newest an hour before now.
func nightly(now time.Time, nights int) []repository.Set {
	var sets []repository.Set
	for i := range nights {
		at := now.Add(-time.Hour).AddDate(0, 0, -i)
		sets = append(sets, repository.Set{ID: fmt.Sprint(i), BeganAt: at.Add(-time.Minute), EndedAt: at})
	}
	return sets
}

func TestAYearOfNightsBecomesAtMostSeventeenSets(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	kept, err := backup.Retain(nightly(now, 365), backup.DefaultRetention(), now)
	if err != nil {
		t.Fatal(err)
	}
	count, oldest := 0, time.Time{}
	for i, k := range kept {
		if len(k.Reasons) == 0 {
			continue
		}
		count, oldest = count+1, k.EndedAt
		if i >= 7 && i < 10 {
			t.Logf("night %d stays: %v", i, k.Reasons)
		}
	}
	if count < 13 || count > 17 || now.Sub(oldest) < 140*24*time.Hour {
		t.Errorf("%d sets stay, the oldest of %s", count, oldest)
	}
	for i := range 7 {
		if len(kept[i].Reasons) == 0 {
			t.Errorf("night %d of the last seven goes", i)
		}
	}
}

func TestRetentionNeverLeavesFewerThanThree(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	var hourly []repository.Set
	for i := range 10 {
		hourly = append(hourly, repository.Set{ID: fmt.Sprint(i), EndedAt: now.Add(-time.Duration(i) * 10 * time.Minute)})
	}
	kept, err := backup.Retain(hourly, backup.Retention{}, now)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range kept {
		if (len(k.Reasons) > 0) != (i < 3) {
			t.Errorf("set %d: %v", i, k.Reasons)
		}
	}
	if kept, err := backup.Retain(nil, backup.DefaultRetention(), now); err != nil || len(kept) != 0 {
		t.Errorf("no sets: %v %v", kept, err)
	}
}

func TestNothingGoesWhileTheBackupsOrTheClockAreDoubtful(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	sets := nightly(now, 100)
	for name, wrong := range map[string]time.Time{"stale": now.AddDate(0, 0, 3), "a clock that went back": now.AddDate(0, -2, 0)} {
		if _, err := backup.Retain(sets, backup.DefaultRetention(), wrong); err == nil {
			t.Errorf("%s: old sets would go", name)
		}
		if _, err := backup.Retain(sets[:2], backup.DefaultRetention(), wrong); err != nil {
			t.Errorf("%s: refused where nothing would go: %v", name, err)
		}
	}
}

// What every moment of the window is reached from stays, whatever the counts say.
func TestRetentionKeepsWhatLeadsIntoTheWindow(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	for _, c := range []struct{ nights, base int }{{30, 10}, {5, 4}} {
		sets := nightly(now, c.nights)
		kept, err := backup.Retain(sets, backup.Retention{Needed: map[string]string{sets[c.base].ID: "begin of the window"}}, now)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range kept {
			if stays := i < 3 || i == c.base; stays != (len(k.Reasons) > 0) {
				t.Errorf("of %d nights, night %d: %v", c.nights, i, k.Reasons)
			}
		}
	}
}
