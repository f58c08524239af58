package postgres_test

import (
	"encoding/json"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	a, b := newAccount(t, s, "ada@example.org"), newAccount(t, s, "bob@example.org")
	for _, owner := range []string{"", unknownID} {
		_, err := s.CreateProject(t.Context(), tracker.NewProject{OwnerID: owner, Name: "x"}, "h", "p")
		wantCode(t, err, tracker.NotFound)
	}
	p, err := s.CreateProject(t.Context(), tracker.NewProject{OwnerID: a.ID, Name: "Sh\x00op", Domain: "example.org"}, "hash", "bsk_pub_abcd")
	if err != nil || p.Name != "Shop" || p.Role != tracker.RoleOwner || !p.IsActive || string(p.Settings) != "{}" || p.ReportCount != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	create(t, s, report(p.ID, "one"))

	if _, err := db.Connect(t).Exec(t.Context(), `INSERT INTO project_members (id, project_id, account_id, email, role, accepted_at)
		VALUES (gen_random_uuid(), $1, $2, 'bob@example.org', 'editor', now())`, p.ID, b.ID); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		viewer tracker.Viewer
		want   tracker.Role
		listed int
	}{
		{tracker.Viewer{AccountID: a.ID}, tracker.RoleOwner, 1},
		{tracker.Viewer{AccountID: b.ID}, tracker.RoleEditor, 1},
		{tracker.Viewer{AccountID: unknownID}, tracker.RoleNone, 0},
		{tracker.Viewer{AccountID: "x"}, tracker.RoleNone, 0},
		{tracker.Viewer{AccountID: unknownID, IsSuperadmin: true}, tracker.RoleOwner, 1},
	} {
		got, err := s.Project(t.Context(), tc.viewer, p.ID)
		if err != nil || got.Role != tc.want || got.ReportCount != 1 {
			t.Errorf("%+v: %+v, %v", tc.viewer, got, err)
		}
		if list, err := s.ListProjects(t.Context(), tc.viewer, false); err != nil || len(list) != tc.listed {
			t.Errorf("%+v: %+v, %v", tc.viewer, list, err)
		}
	}

	name, domain, off, on := "Store", "", false, true
	got, err := s.ChangeProject(t.Context(), p.ID, tracker.ProjectChange{Name: &name, Domain: &domain, Settings: json.RawMessage(`{"modalTitle":"a\u0000b", "unknown":[1e999,"\ud800"]}`)})
	if err != nil || got.Name != "Store" || got.Domain != "" || string(got.Settings) != `{"modalTitle":"ab", "unknown":[1e999,"\ud800"]}` {
		t.Errorf("%+v %s, %v", got, got.Settings, err)
	}
	for _, settings := range []string{`[]`, `null`, `{"a":`} {
		_, err := s.ChangeProject(t.Context(), p.ID, tracker.ProjectChange{Settings: json.RawMessage(settings)})
		wantCode(t, err, tracker.Invalid)
	}
	if _, err = s.RotateKey(t.Context(), p.ID, "hash2", "bsk_pub_efgh"); err != nil {
		t.Fatal(err)
	}
	_, err = s.ProjectByKey(t.Context(), "hash")
	wantCode(t, err, tracker.NotFound)
	if got, err := s.ProjectByKey(t.Context(), "hash2"); err != nil || got.ID != p.ID || got.APIKeyPrefix != "bsk_pub_efgh" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.ChangeProject(t.Context(), p.ID, tracker.ProjectChange{IsActive: &off}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ProjectByKey(t.Context(), "hash2"); err != nil || got.IsActive {
		t.Errorf("%+v, %v", got, err)
	}
	if list, err := s.ListProjects(t.Context(), tracker.Viewer{IsSuperadmin: true}, false); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if got, err := s.Project(t.Context(), tracker.Viewer{AccountID: a.ID}, p.ID); err != nil || got.IsActive {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.ChangeProject(t.Context(), p.ID, tracker.ProjectChange{IsActive: &on}); err != nil || !got.IsActive || got.Name != "Store" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = s.ChangeProject(t.Context(), unknownID, tracker.ProjectChange{Name: &name})
	wantCode(t, err, tracker.NotFound)
	_, err = s.Project(t.Context(), tracker.Viewer{IsSuperadmin: true}, unknownID)
	wantCode(t, err, tracker.NotFound)
}
