package probe_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
	"github.com/bugspark/bugspark/internal/tracker/probe"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func objects(t *testing.T) objectstore.Store {
	t.Helper()
	s, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, db postgrestest.Database) error {
	t.Helper()
	o := db.OwnerOptions()
	return probe.Run(t.Context(), probe.Options{Host: o.Host, Role: o.Role, Database: o.Database, Objects: objects(t)})
}

// inhabited has one account with one project and one report.
func inhabited(t *testing.T) postgrestest.Database {
	t.Helper()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	a, err := s.CreateAccount(t.Context(), tracker.Account{Email: "ada@example.org", Name: "Ada", PasswordHash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.CreateProject(t.Context(), tracker.NewProject{OwnerID: a.ID, Name: "shop"}, "hash", "bsk_pub_abcd")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateReport(t.Context(), tracker.NewReport{
		ProjectID: p.ID, Title: "broken", Severity: tracker.SeverityHigh, Category: tracker.CategoryBug, Fingerprint: sha256.Sum256([]byte("x")),
	}); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestDatabasesTheProductWorksWith(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]func(*testing.T) postgrestest.Database{
		"a report":    inhabited,
		"no account":  func(t *testing.T) postgrestest.Database { return postgrestest.NewDatabase(t) },
		"no table":    func(t *testing.T) postgrestest.Database { return postgrestest.EmptyDatabase(t) },
		"no report":   func(t *testing.T) postgrestest.Database { return damaged(t, `DELETE FROM reports`) },
		"all retired": func(t *testing.T) postgrestest.Database { return damaged(t, `UPDATE accounts SET is_active = false`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := run(t, db(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

func damaged(t *testing.T, sql string) postgrestest.Database {
	t.Helper()
	db := inhabited(t)
	if _, err := db.Connect(t).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestDatabasesTheProductDoesNotWorkWith(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ sql, want string }{
		"evidence that is no zstd":   {`UPDATE reports SET evidence = 'x'`, "/api/v1/reports/"},
		"a table without its column": {`ALTER TABLE projects DROP COLUMN settings`, "/api/v1/projects: 500"},
		"a table that is lost":       {`DROP TABLE session_secrets`, "/api/v1/auth/login"},
		"a schema from the future":   {`UPDATE schema_migrations SET version = 9999`, "schema 9999"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := run(t, damaged(t, tc.sql)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		if err := run(t, postgrestest.Database{Host: t.TempDir(), Name: "x"}); err == nil {
			t.Error("no error")
		}
	})
}
