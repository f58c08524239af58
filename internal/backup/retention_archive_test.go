package backup_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

func TestWALStaysFromTheSetFromWhichTheWindowIsReached(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	ago := func(days int, stays bool) backup.Decision {
		k := backup.Decision{Set: repository.Set{ID: now.AddDate(0, 0, -days).Format(time.DateOnly), EndedAt: now.AddDate(0, 0, -days)}}
		if stays {
			k.Reasons = []string{"a reason"}
		}
		return k
	}
	for _, c := range []struct {
		rule string
		kept []backup.Decision
		want int // days; -1 is none
	}{
		{"the newest kept set before the window", []backup.Decision{ago(1, true), ago(8, true), ago(9, true)}, 8},
		{"a set that goes is no base", []backup.Decision{ago(1, true), ago(8, false), ago(9, true)}, 9},
		{"a set that was whole exactly at the begin of the window is not before it", []backup.Decision{ago(7, true), ago(9, true)}, 9},
		{"the oldest set where all are in the window", []backup.Decision{ago(1, true), ago(3, true)}, 3},
		{"the oldest kept set where those before go", []backup.Decision{ago(1, true), ago(3, true), ago(9, false)}, 3},
		{"none where no set stays", []backup.Decision{ago(8, false)}, -1},
		{"none without sets", nil, -1},
	} {
		got, ok := backup.WALBase(c.kept, now.AddDate(0, 0, -7))
		if ok != (c.want >= 0) || ok && !got.EndedAt.Equal(now.AddDate(0, 0, -c.want)) {
			t.Errorf("%s: %s, %v", c.rule, got.ID, ok)
		}
	}
}

func TestAnArchivedPictureStaysUntilADayBeforeTheNewestSetBegan(t *testing.T) {
	began := time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC)
	kept := []backup.Decision{{Set: repository.Set{BeganAt: began}}, {Set: repository.Set{BeganAt: began.AddDate(0, 0, -1)}}}
	if got := backup.PicturesBefore(kept); !got.Equal(began.Add(-24 * time.Hour)) {
		t.Error(got)
	}
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
