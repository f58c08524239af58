package postgres_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
	"github.com/bugspark/bugspark/migrations"
)

func pictureKeys(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var keys []string
	err := postgres.Inventory{}.PictureKeys(t.Context(), conn, func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

func column(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// A picture column that PictureKeys leaves out would pass every drill without
// its objects, so each column that may hold a key is either found or excused.
func TestPictureKeysFindsEveryKeyColumn(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	conn := db.Connect(t)
	excused := map[string]string{
		"report_pictures.key":   "is a foreign key to pictures, which is listed",
		"object_tombstones.key": "names objects whose row is gone; they may be removed",
	}
	p := newProject(t, db.Open(t), "shop")
	create(t, db.Open(t), report(p.ID, "broken"))
	exec(t, conn, `INSERT INTO pictures (key, project_id, content_type, size) VALUES ('first', $1, 'image/png', 1)`, p.ID)
	for _, name := range column(t, conn, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND column_name LIKE '%key'
		AND (data_type IN ('text', 'character varying', 'character') OR udt_name IN ('_text', '_varchar', '_bpchar')) ORDER BY 1`) {
		if excused[name] != "" {
			delete(excused, name)
			continue
		}
		table, col, _ := strings.Cut(name, ".")
		exec(t, conn, fmt.Sprintf(`UPDATE %s SET %s = $1`, pgx.Identifier{table}.Sanitize(), pgx.Identifier{col}.Sanitize()), name)
		if !slices.Contains(pictureKeys(t, conn), name) {
			t.Errorf("PictureKeys does not visit %s: list the column in inventory.go, or excuse it here with a reason", name)
		}
	}
	for name := range excused {
		t.Errorf("%s is excused here and does not exist", name)
	}
}

func TestRowsCountsEveryTableThatMatters(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	conn := db.Connect(t)
	excused := map[string]string{
		"sessions": "people sign in again", "session_secrets": "people sign in again",
		"access_tokens": "may well be none, and the accounts tell of a loss", "project_members": "may well be none, and the projects tell of a loss",
		"report_counters": "one row for each project", "report_tallies": "is derived from reports",
		"report_pictures": "is derived from reports", "report_events": "may well be none, and the reports tell of a loss",
		"object_tombstones": "a lost row leaves an object that nobody needs",
		"backup_beat":       "one row; read by Heartbeat",
		"schema_migrations": "one row; read by Migration", "schema_history": "tells of migrations, not of the customer's work",
	}
	counted, err := postgres.Inventory{}.Rows(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range column(t, conn, `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()`) {
		_, ok := counted[table]
		if ok == (excused[table] != "") {
			t.Errorf("%s must be either counted in inventory.go or excused here with a reason (counted: %v)", table, ok)
		}
		delete(excused, table)
	}
	for table := range excused {
		t.Errorf("%s is excused here and does not exist", table)
	}

	s := db.Open(t)
	p := newProject(t, s, "shop")
	create(t, s, report(p.ID, "one"))
	create(t, s, report(p.ID, "two"))
	if err := addPicture(t, s, p.ID, "k", "image/png", 1); err != nil {
		t.Fatal(err)
	}
	counted, err = postgres.Inventory{}.Rows(t.Context(), conn)
	want := map[string]int64{"accounts": 1, "projects": 1, "reports": 2, "pictures": 1}
	if err != nil || fmt.Sprint(counted) != fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", counted, err, want)
	}
}

// A set may have been taken by any earlier version.
func TestInventoryReadsEveryEarlierSchema(t *testing.T) {
	t.Parallel()
	var i postgres.Inventory
	conn := postgrestest.EmptyDatabase(t).Connect(t)
	if n, err := i.Migration(t.Context(), conn); n != 0 || err != nil {
		t.Errorf("an empty database: %d, %v", n, err)
	}
	if _, err := i.Rows(t.Context(), conn); err == nil {
		t.Error("an empty database was counted")
	}
	if err := i.PictureKeys(t.Context(), conn, func(string) error { return nil }); err == nil {
		t.Error("an empty database was taken for one without pictures")
	}
	exec(t, conn, `CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)`)
	names, err := fs.Glob(migrations.Files, "*.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	for at, name := range names {
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, conn, string(text))
		exec(t, conn, `DELETE FROM schema_migrations`)
		exec(t, conn, `INSERT INTO schema_migrations VALUES ($1, false)`, at+1)
		if n, err := i.Migration(t.Context(), conn); n != at+1 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if _, err := i.Rows(t.Context(), conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if keys := pictureKeys(t, conn); len(keys) != 0 {
			t.Errorf("%s: %v", name, keys)
		}
		if _, err := i.Heartbeat(t.Context(), conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPictureKeysEndsWithTheVisitorsError(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	p := newProject(t, s, "shop")
	for n := range 3 {
		if err := addPicture(t, s, p.ID, fmt.Sprint("k", n), "image/png", 1); err != nil {
			t.Fatal(err)
		}
	}
	stop, visits := errors.New("stop"), 0
	err := postgres.Inventory{}.PictureKeys(t.Context(), db.Connect(t), func(string) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("%d visits, %v", visits, err)
	}
}

func TestPicturesSince(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	p := newProject(t, s, "shop")
	now := time.Now()
	for n, key := range []string{"oldest", "older", "newest"} {
		if err := addPicture(t, s, p.ID, key, "image/png", 1); err != nil {
			t.Fatal(err)
		}
		exec(t, conn, `UPDATE pictures SET created_at = $2 WHERE key = $1`, key, now.Add(time.Duration(n-3)*time.Hour))
	}
	since := func(moment time.Time, want ...string) {
		t.Helper()
		keys, err := postgres.Inventory{}.PicturesSince(t.Context(), conn, moment)
		if err != nil || !slices.Equal(keys, want) {
			t.Errorf("%v, %v; want %v", keys, err, want)
		}
	}
	since(now.Add(-150*time.Minute), "older", "newest")

	// Its WAL names a picture that is gone again, by whichever way it went.
	newest := "newest"
	r := report(p.ID, "gone soon")
	r.ScreenshotKey = &newest
	if err := s.DeleteReport(t.Context(), create(t, s, r).ID); err != nil {
		t.Fatal(err)
	}
	since(now.Add(-150*time.Minute), "older", "newest")
	exec(t, conn, `UPDATE pictures SET created_at = $1 WHERE key = 'older'`, now.Add(-30*time.Hour))
	if _, err := s.DueObjects(t.Context(), now, 10); err != nil {
		t.Fatal(err)
	}
	since(now.Add(-31*time.Hour), "older", "oldest", "newest")
	if err := s.DeleteProject(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	since(now.Add(-31*time.Hour), "older", "oldest", "newest")
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	var i postgres.Inventory
	conn := postgrestest.NewDatabase(t).Connect(t)
	beat := func() time.Time {
		t.Helper()
		if err := i.WriteHeartbeat(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
		at, err := i.Heartbeat(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := beat()
	if again := beat(); !again.Equal(first) {
		t.Errorf("a second heartbeat within the minute was written: %v, %v", first, again)
	}
	for _, shift := range []string{"-2 minutes", "2 days"} {
		exec(t, conn, `UPDATE backup_beat SET at = now() + $1::text::interval`, shift)
		if at := beat(); time.Since(at).Abs() > 30*time.Second {
			t.Errorf("a heartbeat %s away stayed: %v", shift, at)
		}
	}
	exec(t, conn, `DROP TABLE backup_beat`)
	if at, err := i.Heartbeat(t.Context(), conn); err != nil || !at.IsZero() {
		t.Errorf("a database without heartbeats: %v, %v", at, err)
	}
	if err := i.WriteHeartbeat(t.Context(), conn); err == nil {
		t.Error("a heartbeat was written into no table")
	}
}
