package cli

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/host/restore"
)

// TestMomentsThatAreToldAreAccepted: people give --time in seconds, and both ends of
// what the list tells lie within it.
func TestMomentsThatAreToldAreAccepted(t *testing.T) {
	m := job.Moments{From: time.Date(2026, 11, 24, 10, 30, 0, 456789, time.UTC), To: time.Date(2026, 11, 24, 10, 45, 10, 456789, time.UTC)}
	var out bytes.Buffer
	printMoments(Env{Stdout: &out}, []job.Moments{m, {From: m.To.Add(time.Millisecond), To: m.To.Add(2 * time.Millisecond)}})
	told := regexp.MustCompile(`\d+-\d+-\d+ \d+:\d+:\d+`).FindAllString(out.String(), -1)
	if len(told) != 2 {
		t.Fatalf("it says %q", &out)
	}
	for _, text := range told {
		at, err := restore.ParseTime(text, time.Now())
		if err != nil || at.Before(m.From) || at.After(m.To) {
			t.Errorf("%q names %s, which is not within %s to %s (%v)", &out, text, m.From, m.To, err)
		}
	}
}
