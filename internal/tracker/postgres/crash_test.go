package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

// PostgreSQL is killed twice under load, with fsync on. What was acknowledged is
// there afterwards, once, and the senders never notice but for the wait.
func TestAcknowledgedReportsSurviveACrash(t *testing.T) {
	t.Parallel()
	server := postgrestest.StartServer(t)
	o := server.Database().Options()
	o.SubmitTimeout = time.Minute
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	p := newProject(t, s, "shop")

	ctx, stop := context.WithCancel(t.Context())
	var stored sync.Map // tracking id → title
	var count atomic.Int64
	milestone := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				title := fmt.Sprintf("report %d of sender %d", j, i)
				// Not ctx: a sender that leaves would not know its report's fate.
				r, created, err := s.CreateReport(t.Context(), report(p.ID, title))
				if err != nil || !created {
					t.Errorf("%s: created %v, %v", title, created, err)
					return
				}
				if earlier, taken := stored.LoadOrStore(r.TrackingID, title); taken {
					t.Errorf("%s is both %q and %q", r.TrackingID, earlier, title)
				}
				if count.Add(1)%200 == 0 {
					select {
					case milestone <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for range 2 {
		<-milestone
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for len(milestone) > 0 {
			<-milestone
		}
	}
	<-milestone
	stop()
	wg.Wait()

	conn := server.Database().Connect(t)
	rows, err := conn.Query(t.Context(), `SELECT tracking_id, title FROM reports`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	titles := map[string]int{}
	for rows.Next() {
		var id, title string
		if err := rows.Scan(&id, &title); err != nil {
			t.Fatal(err)
		}
		found[id] = title
		titles[title]++
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	stored.Range(func(id, title any) bool {
		if found[id.(string)] != title {
			t.Errorf("acknowledged %s %q, found %q", id, title, found[id.(string)])
		}
		return true
	})
	for title, n := range titles {
		if n > 1 {
			t.Errorf("%q is stored %d times", title, n)
		}
	}
	if int64(len(found)) != count.Load() {
		t.Errorf("%d acknowledged, %d stored", count.Load(), len(found))
	}
}

func TestUnavailableWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s, err := postgres.Open(t.Context(), postgres.Options{Host: t.TempDir(), Role: "nobody", SubmitTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	id := "00000000-0000-4000-8000-000000000000"
	_, _, err = s.CreateReport(t.Context(), report(id, "lost"))
	wantCode(t, err, tracker.Unavailable)
	_, err = s.Report(t.Context(), id)
	wantCode(t, err, tracker.Unavailable)
	wantCode(t, s.Ping(t.Context()), tracker.Unavailable)
}
