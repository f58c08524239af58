package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestUnreferencedObjectsAreDueLater(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	p := newProject(t, s, "shop")
	for _, key := range []string{"named", "unnamed", "locked", "fresh"} {
		if err := addPicture(t, s, p.ID, key, "image/png", 1); err != nil {
			t.Fatal(err)
		}
	}
	r, named := report(p.ID, "a"), "named"
	r.ScreenshotKey = &named
	stored := create(t, s, r)
	now := time.Now()
	exec(t, conn, `UPDATE pictures SET created_at = $1 WHERE key <> 'fresh'`, now.Add(-25*time.Hour))

	due := func(at time.Time, want ...string) {
		t.Helper()
		keys, err := s.DueObjects(t.Context(), at, 10)
		slices.Sort(keys)
		if err != nil || !slices.Equal(keys, want) {
			t.Errorf("due at %v: %v, %v, want %v", at.Sub(now), keys, err, want)
		}
	}
	rows := func(want ...string) {
		t.Helper()
		if got := column(t, conn, `SELECT key FROM pictures ORDER BY key`); !slices.Equal(got, want) {
			t.Errorf("rows of pictures: %v, want %v", got, want)
		}
	}

	tx, err := db.Connect(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM pictures WHERE key = 'locked' FOR KEY SHARE`); err != nil {
		t.Fatal(err)
	}
	due(now)
	rows("fresh", "locked", "named") // a report is about to name the locked one
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	due(now)
	rows("fresh", "named")

	if err := s.DeleteReport(t.Context(), stored.ID); err != nil {
		t.Fatal(err)
	}
	rows("fresh")
	exec(t, conn, `DELETE FROM pictures WHERE key = 'fresh'`)
	due(now.Add(72*time.Hour - time.Minute))
	due(now.Add(73*time.Hour), "locked", "named", "unnamed")
	if limited, err := s.DueObjects(t.Context(), now.Add(73*time.Hour), 2); err != nil || len(limited) != 2 {
		t.Errorf("at most two: %v, %v", limited, err)
	}
	if err := s.ForgetObjects(t.Context(), []string{"locked", "unknown", "named"}); err != nil {
		t.Fatal(err)
	}
	due(now.Add(73*time.Hour), "unnamed")
	if err := s.ForgetObjects(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	due(now.Add(73*time.Hour), "unnamed")
}

// While a restore waits to be confirmed or undone, the data from before may name what
// this data does not.
func TestNoObjectIsDueWhileARestoreWaits(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	p := newProject(t, s, "shop")
	r, key := report(p.ID, "a"), "named"
	r.ScreenshotKey = &key
	for _, k := range []string{key, "unnamed"} {
		if err := addPicture(t, s, p.ID, k, "image/png", 1); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, conn, `UPDATE pictures SET created_at = $1 WHERE key = 'unnamed'`, time.Now().Add(-25*time.Hour))
	stored := create(t, s, r)
	exec(t, conn, `COMMENT ON TABLE schema_migrations IS 'restored'`)
	if err := s.DeleteReport(t.Context(), stored.ID); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(73 * time.Hour)
	if keys, err := s.DueObjects(t.Context(), later, 10); err != nil || len(keys) > 0 {
		t.Errorf("while a restore waits: %v, %v", keys, err)
	}
	exec(t, conn, `COMMENT ON TABLE schema_migrations IS NULL`)
	if keys, err := s.DueObjects(t.Context(), later, 10); err != nil || !slices.Equal(keys, []string{"named"}) {
		t.Errorf("once it was decided: %v, %v", keys, err)
	}
	if keys, err := s.DueObjects(t.Context(), later.Add(73*time.Hour), 10); err != nil || len(keys) != 2 {
		t.Errorf("what was uploaded and not named: %v, %v", keys, err)
	}
}

// An upload that ends between the object and its row, or after its project is gone,
// leaves an object that is deleted a day later; nothing else is recorded of it.
func TestAnObjectThatGetsNoRowIsDeleted(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, conn := db.Open(t), db.Connect(t)
	p := newProject(t, s, "shop")
	for _, key := range []string{"abandoned", "stored"} {
		if err := s.ExpectPicture(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddPicture(t.Context(), p.ID, "stored", "image/png", 1); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.AddPicture(t.Context(), unknownID, "abandoned", "image/png", 1), tracker.NotFound)
	wantCode(t, s.AddPicture(t.Context(), p.ID, "never expected", "image/png", 1), tracker.NotFound)
	if got := column(t, conn, `SELECT key FROM object_tombstones WHERE created_at IS NOT NULL`); len(got) > 0 {
		t.Errorf("the archive waits for %v", got)
	}
	now := time.Now()
	for _, c := range []struct {
		after time.Duration
		want  []string
	}{{23 * time.Hour, nil}, {25 * time.Hour, []string{"abandoned"}}} {
		keys, err := s.DueObjects(t.Context(), now.Add(c.after), 10)
		if err != nil || !slices.Equal(keys, c.want) {
			t.Errorf("due after %s: %v, %v, want %v", c.after, keys, err, c.want)
		}
	}
	// One that is about to be deleted is not named any more.
	exec(t, conn, `UPDATE object_tombstones SET delete_after = now() + interval '10 minutes'`)
	wantCode(t, s.AddPicture(t.Context(), p.ID, "abandoned", "image/png", 1), tracker.NotFound)
}
