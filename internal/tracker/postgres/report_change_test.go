package postgres_test

import (
	"encoding/json"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

const unknownID = "00000000-0000-4000-8000-000000000000"

func TestChangeReport(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	p := newProject(t, s, "shop")
	stranger := newAccount(t, s, "stranger@example.org")
	r := create(t, s, report(p.ID, "before"))

	for _, id := range []string{"", "x", unknownID} {
		_, err := s.ChangeReport(t.Context(), id, tracker.ReportChange{})
		wantCode(t, err, tracker.NotFound)
	}
	for _, assignee := range []string{"", "x", unknownID, stranger.ID} {
		if assignee == "" {
			continue
		}
		_, err := s.ChangeReport(t.Context(), r.ID, tracker.ReportChange{SetAssignee: true, AssigneeID: &assignee})
		wantCode(t, err, tracker.Refused)
	}

	same, err := s.ChangeReport(t.Context(), r.ID, tracker.ReportChange{Title: &r.Title, SetAssignee: true})
	if err != nil || !same.UpdatedAt.Equal(r.UpdatedAt) {
		t.Errorf("a change of nothing: %+v, %v", same, err)
	}

	title, resolved, closed, fresh, critical := "after\x00", tracker.StatusResolved, tracker.StatusClosed, tracker.StatusNew, tracker.SeverityCritical
	changed, err := s.ChangeReport(t.Context(), r.ID, tracker.ReportChange{
		Title: &title, Status: &resolved, Severity: &critical, SetAssignee: true, AssigneeID: &p.OwnerID, ActorID: p.OwnerID})
	if err != nil || changed.Title != "after" || changed.Status != resolved || changed.Severity != critical || *changed.AssigneeID != p.OwnerID || !changed.UpdatedAt.After(r.UpdatedAt) {
		t.Errorf("%+v, %v", changed, err)
	}
	var actor string
	var doc []byte
	if err := conn.QueryRow(t.Context(), `SELECT actor_id, changes FROM report_events WHERE report_id = $1`, r.ID).Scan(&actor, &doc); err != nil {
		t.Fatal(err)
	}
	var changes map[string][2]any
	if err := json.Unmarshal(doc, &changes); err != nil || actor != p.OwnerID || len(changes) != 4 || changes["status"] != [2]any{"new", "resolved"} {
		t.Errorf("activity by %s: %s, %v", actor, doc, err)
	}

	var at, later string
	read := func(into *string) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `SELECT coalesce(resolved_at::text, '') FROM reports WHERE id = $1`, r.ID).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	read(&at)
	for _, step := range []struct {
		status tracker.Status
		keeps  bool
	}{{closed, true}, {fresh, false}} {
		if _, err := s.ChangeReport(t.Context(), r.ID, tracker.ReportChange{Status: &step.status, ActorIsSystem: true}); err != nil {
			t.Fatal(err)
		}
		if read(&later); step.keeps != (later == at) || at == "" {
			t.Errorf("resolved_at was %q and is %q once %s", at, later, step.status)
		}
	}

	page, err := s.ListReports(t.Context(), tracker.ReportFilter{Viewer: tracker.Viewer{IsSuperadmin: true}, PageSize: 1,
		Statuses: []tracker.Status{fresh}, Severities: []tracker.Severity{critical}})
	if err != nil || page.Total != 1 {
		t.Errorf("the tallies did not follow: %d, %v", page.Total, err)
	}
}

func TestDeletedReportsKeepTheirObjectsFor72Hours(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	p, q := newProject(t, s, "shop"), newProject(t, s, "blog")
	for _, key := range []string{"only.png", "shared.png", "unnamed.png"} {
		if err := addPicture(t, s, p.ID, key, "image/png", 1); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.AddPicture(t.Context(), unknownID, "lost.png", "image/png", 1), tracker.NotFound)
	for _, tc := range []struct {
		project, key string
		want         bool
	}{{p.ID, "only.png", true}, {q.ID, "only.png", false}, {p.ID, "none\x00.png", false}, {"x", "only.png", false}} {
		if got, err := s.PictureBelongs(t.Context(), tc.project, tc.key); err != nil || got != tc.want {
			t.Errorf("PictureBelongs(%q, %q) = %v, %v", tc.project, tc.key, got, err)
		}
	}
	only, shared := "only.png", "shared.png"
	a, b := report(p.ID, "a"), report(p.ID, "b")
	a.ScreenshotKey, a.AnnotatedScreenshotKey, b.ScreenshotKey = &only, &shared, &shared
	first, second := create(t, s, a), create(t, s, b)

	scheduled := func(want int) {
		t.Helper()
		var due, all int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE delete_after BETWEEN now() + interval '71 hours' AND now() + interval '72 hours'), count(*) FROM object_tombstones`).Scan(&due, &all)
		if err != nil || due != want || all != want {
			t.Errorf("%d objects scheduled, %d in time, want %d, %v", all, due, want, err)
		}
	}
	for _, id := range []string{"", unknownID} {
		wantCode(t, s.DeleteReport(t.Context(), id), tracker.NotFound)
	}
	if err := s.DeleteReport(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	scheduled(1) // the other picture is still named by a report
	wantCode(t, s.DeleteReport(t.Context(), first.ID), tracker.NotFound)
	if err := s.DeleteReport(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	scheduled(2)
	if again := create(t, s, report(p.ID, "c")); again.TrackingID != "BUG-0003" {
		t.Errorf("a number was used again: %s", again.TrackingID)
	}
	if err := s.DeleteProject(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	scheduled(3)
	wantCode(t, s.DeleteProject(t.Context(), p.ID), tracker.NotFound)
	page, err := s.ListReports(t.Context(), tracker.ReportFilter{Viewer: tracker.Viewer{IsSuperadmin: true}, PageSize: 1})
	if err != nil || page.Total != 0 {
		t.Errorf("total %d, %v", page.Total, err)
	}
}
