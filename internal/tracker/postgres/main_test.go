package postgres_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// newAccount makes an account with the given address.
func newAccount(t testing.TB, s *postgres.Store, email string) tracker.Account {
	t.Helper()
	a, err := s.CreateAccount(t.Context(), tracker.Account{Email: email, Name: "Somebody", PasswordHash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// newProject makes a project and its owner.
func newProject(t testing.TB, s *postgres.Store, name string) tracker.Project {
	t.Helper()
	a := newAccount(t, s, name+"@example.org")
	p, err := s.CreateProject(t.Context(), tracker.NewProject{OwnerID: a.ID, Name: name}, fmt.Sprintf("%x", sha256.Sum256([]byte(name))), "bsk_pub_abcd")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// addPicture records a picture as an upload does.
func addPicture(t testing.TB, s *postgres.Store, project, key, kind string, size int64) error {
	t.Helper()
	if err := s.ExpectPicture(t.Context(), key); err != nil {
		return err
	}
	return s.AddPicture(t.Context(), project, key, kind, size)
}

// report is a valid report; its fingerprint follows its text.
func report(project, title string) tracker.NewReport {
	return tracker.NewReport{
		ProjectID: project, Title: title, Severity: tracker.SeverityHigh, Category: tracker.CategoryBug,
		Fingerprint: sha256.Sum256([]byte(title)),
	}
}

func create(t testing.TB, s *postgres.Store, r tracker.NewReport) tracker.Report {
	t.Helper()
	out, created, err := s.CreateReport(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !created {
		t.Fatalf("%q was taken for a duplicate", r.Title)
	}
	return out
}

// wantCode fails unless err carries the code.
func wantCode(t testing.TB, err error, want tracker.Code) {
	t.Helper()
	if err == nil || tracker.CodeOf(err) != want {
		t.Errorf("error is %v, want code %s", err, want)
	}
}
