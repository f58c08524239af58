package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestCreateReportRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	p := newProject(t, s, "shop")
	for _, tc := range []struct {
		name string
		edit func(*tracker.NewReport)
		want tracker.Code
	}{
		{"no project", func(r *tracker.NewReport) { r.ProjectID = "" }, tracker.NotFound},
		{"project id of a wrong form", func(r *tracker.NewReport) { r.ProjectID = "{" + p.ID + "}" }, tracker.NotFound},
		{"unknown project", func(r *tracker.NewReport) { r.ProjectID = "00000000-0000-4000-8000-000000000000" }, tracker.NotFound},
		{"broken JSON", func(r *tracker.NewReport) { r.Evidence.Metadata = json.RawMessage(`{"a":`) }, tracker.Invalid},
		{"too many logs", func(r *tracker.NewReport) {
			r.Evidence.ConsoleLogs = json.RawMessage(`"` + strings.Repeat("x", 17<<20) + `"`)
		}, tracker.TooLarge},
		{"no title", func(r *tracker.NewReport) { r.Title = "" }, tracker.Internal},
		{"unknown severity", func(r *tracker.NewReport) { r.Severity = "fatal" }, tracker.Internal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := report(p.ID, "title")
			tc.edit(&r)
			_, _, err := s.CreateReport(t.Context(), r)
			wantCode(t, err, tc.want)
		})
	}
	if got := create(t, s, report(p.ID, "title")); got.TrackingID != "BUG-0001" {
		t.Errorf("refused reports used numbers up: %s", got.TrackingID)
	}
}

func TestCreateReportKeepsEverything(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	p := newProject(t, s, "shop")
	reporter, key := "visitor\x00 7", "a/b/c.png"
	if err := addPicture(t, s, p.ID, key, "image/png", 12); err != nil {
		t.Fatal(err)
	}
	r := report(p.ID, "a \x00 < b & \xff 🐞")
	r.Description, r.ReporterIdentifier, r.ScreenshotKey, r.ConsoleLogsIncluded = "line\nline\x00", &reporter, &key, true
	r.Evidence = tracker.Evidence{
		ConsoleLogs: json.RawMessage(`[{"message":"nul \u0000, kept \\u0000"}]`),
		Metadata:    json.RawMessage(`{"zoo": 1e400, "big": 12345678901234567890}`),
		NetworkLogs: json.RawMessage(`null`),
	}
	made := create(t, s, r)
	read, err := s.Report(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fmt.Sprintf("%+v", read), fmt.Sprintf("%+v", made); len(a) != len(b) {
		t.Errorf("read\n%s\nmade\n%s", a, b)
	}
	if read.Title != "a  < b & \uFFFD 🐞" || read.Description != "line\nline" || *read.ReporterIdentifier != "visitor 7" || *read.ScreenshotKey != key {
		t.Errorf("text changed: %+v", read)
	}
	if got := string(read.Evidence.ConsoleLogs); got != `[{"message":"nul , kept \\u0000"}]` {
		t.Errorf("console logs: %s", got)
	}
	if got := string(read.Evidence.Metadata); got != string(r.Evidence.Metadata) {
		t.Errorf("metadata is not verbatim: %s", got)
	}
	if read.Evidence.UserActions != nil || !read.ConsoleLogsIncluded || read.Status != tracker.StatusNew {
		t.Errorf("%+v", read)
	}
}

func TestCreateReportRecognisesARepeat(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, other := db.Open(t), db.Open(t)
	p, q := newProject(t, s, "shop"), newProject(t, s, "blog")
	first := create(t, s, report(p.ID, "same"))
	again, created, err := other.CreateReport(t.Context(), report(p.ID, "same"))
	if err != nil || created || again.ID != first.ID || again.TrackingID != first.TrackingID {
		t.Errorf("repeat: %v %v %+v", err, created, again)
	}
	create(t, s, report(q.ID, "same"))
	create(t, s, report(p.ID, "other"))

	const old = `UPDATE reports SET created_at = now() - interval '301 seconds', fingerprint_window = fingerprint_window - 1`
	if _, err := db.Connect(t).Exec(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if late := create(t, s, report(p.ID, "same")); late.TrackingID != "BUG-0003" {
		t.Errorf("after five minutes: %s", late.TrackingID)
	}
}

// Two processes, many senders, half of the reports repeated: each is stored
// once, and the numbers have no gap.
func TestConcurrentCreators(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, other := db.Open(t), db.Open(t)
	p := newProject(t, s, "shop")
	const senders, each = 64, 8
	var mu sync.Mutex
	created, numbers := 0, map[string]string{}
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			store := s
			if i%2 == 1 {
				store = other
			}
			for j := range each {
				title := fmt.Sprintf("report %d of pair %d", j, i/2)
				r, fresh, err := store.CreateReport(t.Context(), report(p.ID, title))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if fresh {
					created++
				}
				if earlier, ok := numbers[r.TrackingID]; ok && earlier != title {
					t.Errorf("%s is both %q and %q", r.TrackingID, earlier, title)
				}
				numbers[r.TrackingID] = title
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	const want = senders / 2 * each
	if created != want || len(numbers) != want {
		t.Errorf("%d created, %d numbers, want %d", created, len(numbers), want)
	}
	for n := 1; n <= want; n++ {
		if id := fmt.Sprintf("BUG-%04d", n); numbers[id] == "" {
			t.Errorf("%s is missing", id)
		}
	}
	page, err := s.ListReports(t.Context(), tracker.ReportFilter{Viewer: tracker.Viewer{IsSuperadmin: true}, PageSize: 1})
	if err != nil || page.Total != want {
		t.Errorf("total %d, %v", page.Total, err)
	}
}

func TestTrackingIDsGrowBeyondFourDigits(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	p := newProject(t, s, "shop")
	if _, err := db.Connect(t).Exec(t.Context(), `UPDATE report_counters SET last_number = 9998`); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, title := range []string{"a", "b", "c"} {
		got = append(got, create(t, s, report(p.ID, title)).TrackingID)
	}
	if want := []string{"BUG-9999", "BUG-10000", "BUG-10001"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// One report that the database refuses must not take along those that share its
// transaction.
func TestPoisonedReportFailsAlone(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	p := newProject(t, s, "shop")
	// While the project's lock is held both writers stall, and the rest queues
	// up into shared batches.
	tx, err := db.Connect(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM report_counters FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			r := report(p.ID, fmt.Sprint("report ", i))
			if i%10 == 3 {
				r.Title = strings.Repeat("x", 501+i)
			}
			_, created, err := s.CreateReport(t.Context(), r)
			if poisoned := i%10 == 3; poisoned != (err != nil) || poisoned == created {
				t.Errorf("report %d: created %v, %v", i, created, err)
			}
		})
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if last := create(t, s, report(p.ID, "last")); last.TrackingID != "BUG-0037" {
		t.Errorf("poisoned reports used numbers up: %s", last.TrackingID)
	}
}

func TestCreateReportHonoursItsContext(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	p := newProject(t, s, "shop")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.CreateReport(ctx, report(p.ID, "never"))
	wantCode(t, err, tracker.Unavailable)
	create(t, s, report(p.ID, "the next one"))
}

func TestCloseFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, reader := db.Open(t), db.Open(t)
	p := newProject(t, s, "shop")
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	for i := range 50 {
		wg.Go(func() {
			_, _, err := s.CreateReport(context.Background(), report(p.ID, fmt.Sprint(i)))
			if err != nil {
				wantCode(t, err, tracker.Unavailable)
				return
			}
			mu.Lock()
			acknowledged++
			mu.Unlock()
		})
	}
	s.Close()
	wg.Wait()
	_, _, err := s.CreateReport(t.Context(), report(p.ID, "too late"))
	wantCode(t, err, tracker.Unavailable)
	page, err := reader.ListReports(t.Context(), tracker.ReportFilter{Viewer: tracker.Viewer{IsSuperadmin: true}, PageSize: 1})
	if err != nil || page.Total < acknowledged {
		t.Errorf("%d acknowledged, %d stored, %v", acknowledged, page.Total, err)
	}
}
