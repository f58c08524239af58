package postgres_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestValidateSaysWhatToDo(t *testing.T) {
	t.Parallel()
	status, err := postgrestest.NewDatabase(t).Open(t).Schema().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	newest := strconv.Itoa(int(status.Newest))
	for _, tc := range []struct{ name, spoil, want, hint string }{
		{"newer", `UPDATE schema_migrations SET version = 99`, "the database has schema 99, this version of bugspark knows nothing after " + newest, "install the newer version"},
		{"older", `UPDATE schema_migrations SET version = 2`, "the database has schema 2, this version of bugspark needs schema " + newest, "bugspark migrate up"},
		{"interrupted", `UPDATE schema_migrations SET dirty = true`, "migrating the database to schema " + newest + " was interrupted", "bugspark migrate up"},
		{"empty", `DROP TABLE schema_migrations`, "the database has schema 0", "bugspark migrate up"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.NewDatabase(t)
			if err := db.Open(t).Schema().Validate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Connect(t).Exec(t.Context(), tc.spoil); err != nil {
				t.Fatal(err)
			}
			err := db.Open(t).Schema().Validate(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(strings.Join(fault.Hints(err), "; "), tc.hint) {
				t.Errorf("got %v, hints %q", err, fault.Hints(err))
			}
		})
	}
}

func TestUpRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	if _, err := db.Connect(t).Exec(t.Context(), `UPDATE schema_migrations SET version = 99`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.OpenAsOwner(t).Schema().Up(t.Context()); err == nil || !strings.Contains(err.Error(), "knows nothing after") {
		t.Error(err)
	}
}

func TestUpFromEmptyByTwoAtOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.EmptyDatabase(t)
	var mu sync.Mutex
	var applied []string
	var wg sync.WaitGroup
	for range 2 {
		s := db.OpenAsOwner(t).Schema()
		wg.Go(func() {
			names, err := s.Up(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			applied = append(applied, names...)
			mu.Unlock()
		})
	}
	wg.Wait()
	status, err := db.Open(t).Schema().Status(t.Context())
	if err != nil || status.Version != status.Newest || status.Dirty || len(status.Pending) != 0 {
		t.Errorf("%+v, %v", status, err)
	}
	if uint(len(applied)) != status.Newest {
		t.Errorf("applied %v", applied)
	}
}

// The flag is set before a migration and cleared after it; in between, only
// the history knows whether it was committed.
func TestUpFinishesAnInterruptedMigration(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, spoil string }{
		{"after its commit", `UPDATE schema_migrations SET dirty = true`},
		{"before its commit", `
			DROP TABLE report_events, report_pictures, report_tallies, reports, backup_beat;
			DROP INDEX IF EXISTS pictures_by_creation, pictures_of_project;
			CREATE INDEX pictures_project ON pictures (project_id);
			ALTER TABLE object_tombstones DROP COLUMN created_at;
			ALTER TABLE accounts DROP COLUMN access_generation;
			DROP TYPE report_severity, report_category, report_status;
			DELETE FROM schema_history WHERE version >= 3;
			UPDATE schema_migrations SET version = 3, dirty = true`},
		{"during the first", `
			DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO bugspark;
			CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
			INSERT INTO schema_migrations VALUES (1, true)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.NewDatabase(t)
			if _, err := db.Connect(t).Exec(t.Context(), tc.spoil); err != nil {
				t.Fatal(err)
			}
			s := db.OpenAsOwner(t)
			if _, err := s.Schema().Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Schema().Validate(t.Context()); err != nil {
				t.Fatal(err)
			}
			create(t, s, report(newProject(t, s, "shop").ID, "it works"))
		})
	}
}

func TestTheAPIsRoleCannotChangeTheSchema(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	conn := db.Connect(t)
	for _, privilege := range []string{
		`SELECT has_schema_privilege('bugspark_api', 'public', 'CREATE')`,
		`SELECT has_table_privilege('bugspark_api', 'schema_migrations', 'UPDATE')`,
		`SELECT has_table_privilege('bugspark_api', 'reports', 'TRUNCATE')`,
	} {
		var has bool
		if err := conn.QueryRow(t.Context(), privilege).Scan(&has); err != nil || has {
			t.Errorf("%s: %v, %v", privilege, has, err)
		}
	}
}
