package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func titles(p tracker.ReportPage) []string {
	out := []string{}
	for _, r := range p.Items {
		out = append(out, r.Title)
	}
	return out
}

func TestListReportsRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	for _, f := range []tracker.ReportFilter{
		{SortBy: "password"},
		{Cursor: "?"},
		{Cursor: "bm90IGpzb24"},
		{Cursor: "eyJzIjoiLXRpdGxlIiwiayI6IngiLCJpIjoiMDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAwIn0"}, // of another order
		{Page: 1 << 40, PageSize: 100},
	} {
		_, err := s.ListReports(t.Context(), f)
		wantCode(t, err, tracker.Invalid)
	}
	page, err := s.ListReports(t.Context(), tracker.ReportFilter{Viewer: tracker.Viewer{AccountID: "'; --"}, ProjectID: "x", PageSize: 5})
	if err != nil || page.Total != 0 || len(page.Items) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestListReportsFilters(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	p, q := newProject(t, s, "shop"), newProject(t, s, "blog")
	all := tracker.Viewer{IsSuperadmin: true}
	for i, severity := range []tracker.Severity{tracker.SeverityLow, tracker.SeverityCritical, tracker.SeverityHigh} {
		r := report(p.ID, fmt.Sprintf("Title %d: 100%% of Ünïcode_", i))
		r.Severity, r.Description = severity, fmt.Sprintf("first line %d\nsecond line", i)
		create(t, s, r)
	}
	create(t, s, report(q.ID, "elsewhere"))
	closed := tracker.StatusClosed
	first, err := s.ListReports(t.Context(), tracker.ReportFilter{Viewer: all, ProjectID: p.ID, Ascending: true, PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeReport(t.Context(), first.Items[0].ID, tracker.ReportChange{Status: &closed}); err != nil {
		t.Fatal(err)
	}
	// Yesterday, so that a date range has something to leave out.
	if _, err := db.Connect(t).Exec(t.Context(), `UPDATE reports SET created_at = created_at - interval '24 hours' WHERE number = 1 AND status = 'closed'`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Connect(t).Exec(t.Context(), `UPDATE report_tallies SET day = day - 1 WHERE status = 'closed' AND isfinite(day)`); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	t0, t1, t2 := "Title 0: 100% of Ünïcode_", "Title 1: 100% of Ünïcode_", "Title 2: 100% of Ünïcode_"
	for _, tc := range []struct {
		name   string
		filter tracker.ReportFilter
		want   []string
	}{
		{"everything, newest first", tracker.ReportFilter{}, []string{"elsewhere", t2, t1, t0}},
		{"a project", tracker.ReportFilter{ProjectID: q.ID}, []string{"elsewhere"}},
		{"oldest first", tracker.ReportFilter{ProjectID: p.ID, Ascending: true}, []string{t0, t1, t2}},
		{"a status", tracker.ReportFilter{Statuses: []tracker.Status{tracker.StatusClosed, tracker.StatusResolved}}, []string{t0}},
		{"severities", tracker.ReportFilter{Severities: []tracker.Severity{tracker.SeverityLow, tracker.SeverityCritical}}, []string{t1, t0}},
		{"both", tracker.ReportFilter{Statuses: []tracker.Status{tracker.StatusNew}, Severities: []tracker.Severity{tracker.SeverityLow}}, []string{}},
		{"since midnight", tracker.ReportFilter{ProjectID: p.ID, Since: now.Truncate(24 * time.Hour)}, []string{t2, t1}},
		{"since an hour", tracker.ReportFilter{ProjectID: p.ID, Since: now.Add(-time.Hour)}, []string{t2, t1}},
		{"since two days", tracker.ReportFilter{ProjectID: p.ID, Since: now.Add(-47 * time.Hour)}, []string{t2, t1, t0}},
		{"search in a title, any case", tracker.ReportFilter{Search: "üNÏCODE"}, []string{t2, t1, t0}},
		{"search in a description", tracker.ReportFilter{Search: "LINE 1"}, []string{t1}},
		{"search for a tracking id", tracker.ReportFilter{Search: "bug-0003"}, []string{t2}},
		{"search takes wildcards literally", tracker.ReportFilter{Search: "100_ of"}, []string{}},
		{"a percent sign", tracker.ReportFilter{Search: "0% of", Since: now.Add(-time.Hour)}, []string{t2, t1}},
		{"a search with a backslash", tracker.ReportFilter{Search: `\`}, []string{}},
		{"a search with NUL", tracker.ReportFilter{Search: "else\x00where"}, []string{"elsewhere"}},
		{"by severity", tracker.ReportFilter{ProjectID: p.ID, SortBy: "severity"}, []string{t1, t2, t0}},
		{"by status", tracker.ReportFilter{ProjectID: p.ID, SortBy: "status", Ascending: true}, []string{t1, t2, t0}},
		{"by title", tracker.ReportFilter{SortBy: "title", Ascending: true}, []string{t0, t1, t2, "elsewhere"}},
		{"by change", tracker.ReportFilter{ProjectID: p.ID, SortBy: "updatedAt"}, []string{t0, t2, t1}},
		{"by tracking id", tracker.ReportFilter{ProjectID: p.ID, SortBy: "trackingId"}, []string{t2, t1, t0}},
	} {
		tc.filter.Viewer, tc.filter.PageSize = all, 10
		page, err := s.ListReports(t.Context(), tc.filter)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		got := titles(page)
		if tc.filter.SortBy == "title" { // the collation's business, but for what starts alike
			slices.Sort(got)
			slices.Sort(tc.want)
		}
		if !slices.Equal(got, tc.want) || page.Total != len(tc.want) || page.NextCursor != "" {
			t.Errorf("%s: got %q, total %d, want %q", tc.name, got, page.Total, tc.want)
		}
	}
}

// Pages and cursors, in every order, show every report exactly once.
func TestListReportsPages(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	p, q := newProject(t, s, "shop"), newProject(t, s, "blog")
	const reports = 23
	for i := range reports {
		project := p.ID
		if i%3 == 0 {
			project = q.ID
		}
		r := report(project, fmt.Sprint("report ", i%7))
		r.Severity, r.Fingerprint[0] = tracker.Severities()[i%4], byte(i)
		create(t, s, r)
	}
	for _, sort := range []string{"createdAt", "updatedAt", "severity", "status", "title", "trackingId"} {
		for _, ascending := range []bool{false, true} {
			f := tracker.ReportFilter{Viewer: tracker.Viewer{IsSuperadmin: true}, SortBy: sort, Ascending: ascending, PageSize: 5}
			var byPage, byCursor []string
			for f.Page = 1; ; f.Page++ {
				page, err := s.ListReports(t.Context(), f)
				if err != nil || page.Total != reports {
					t.Fatalf("%s: total %d, %v", sort, page.Total, err)
				}
				for _, r := range page.Items {
					byPage = append(byPage, r.ID)
				}
				if page.NextCursor == "" {
					break
				}
			}
			for f.Page = 1; ; {
				page, err := s.ListReports(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.Items {
					byCursor = append(byCursor, r.ID)
				}
				if f.Cursor = page.NextCursor; f.Cursor == "" {
					break
				}
			}
			if !slices.Equal(byPage, byCursor) {
				t.Errorf("%s: pages and cursors differ:\n%v\n%v", sort, byPage, byCursor)
			}
			if slices.Sort(byPage); len(slices.Compact(byPage)) != reports {
				t.Errorf("%s: %d reports, want %d", sort, len(byPage), reports)
			}
		}
	}
}

func TestListReportsShowsWhatTheViewerMaySee(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	p, q := newProject(t, s, "shop"), newProject(t, s, "blog")
	create(t, s, report(p.ID, "in the shop"))
	gone := create(t, s, report(q.ID, "in the blog"))
	member, invited := newAccount(t, s, "member@example.org"), newAccount(t, s, "invited@example.org")
	if _, err := db.Connect(t).Exec(t.Context(), `INSERT INTO project_members (id, project_id, account_id, email, role, accepted_at)
		VALUES (gen_random_uuid(), $1, $2, 'member@example.org', 'viewer', now()), (gen_random_uuid(), $1, $3, 'invited@example.org', 'admin', NULL)`,
		p.ID, member.ID, invited.ID); err != nil {
		t.Fatal(err)
	}
	check := func(name string, v tracker.Viewer, want ...string) {
		t.Helper()
		page, err := s.ListReports(t.Context(), tracker.ReportFilter{Viewer: v, PageSize: 10})
		if got := titles(page); err != nil || !slices.Equal(got, append([]string{}, want...)) || page.Total != len(want) {
			t.Errorf("%s sees %q, total %d, %v", name, got, page.Total, err)
		}
	}
	check("the owner", tracker.Viewer{AccountID: p.OwnerID}, "in the shop")
	check("a member", tracker.Viewer{AccountID: member.ID}, "in the shop")
	check("one who did not accept", tracker.Viewer{AccountID: invited.ID})
	check("nobody", tracker.Viewer{})
	check("a superadmin", tracker.Viewer{AccountID: invited.ID, IsSuperadmin: true}, "in the blog", "in the shop")

	inactive := false
	if _, err := s.ChangeProject(t.Context(), q.ID, tracker.ProjectChange{IsActive: &inactive}); err != nil {
		t.Fatal(err)
	}
	check("a superadmin, after deactivation", tracker.Viewer{IsSuperadmin: true}, "in the shop")
	_, err := s.Report(t.Context(), gone.ID)
	wantCode(t, err, tracker.NotFound)
	_, err = s.ChangeReport(t.Context(), gone.ID, tracker.ReportChange{})
	wantCode(t, err, tracker.NotFound)
}
