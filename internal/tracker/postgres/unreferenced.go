package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// The table object_tombstones is the schedule: keys of objects without a row, and
// when to delete them.

// keepUnreferenced is how long an object outlives the row that named it: a
// backup of the rows taken before then must still find it.
const keepUnreferenced = `interval '72 hours'`

// dropUnreferenced deletes the rows of uploads that no report named within a day
// and schedules their objects. A report that is about to name one holds a lock on
// its row; such a row is skipped.
const dropUnreferenced = `
WITH gone AS (
	DELETE FROM pictures WHERE key IN (
		SELECT p.key FROM pictures p
		WHERE p.created_at < $1::timestamptz - interval '1 day' AND NOT EXISTS (SELECT FROM report_pictures rp WHERE rp.key = p.key)
		LIMIT $2 FOR UPDATE SKIP LOCKED
	) AND NOT EXISTS (SELECT FROM report_pictures rp WHERE rp.key = pictures.key)
	RETURNING key, created_at
)
INSERT INTO object_tombstones (key, delete_after, created_at) SELECT key, $1::timestamptz + ` + keepUnreferenced + `, created_at FROM gone
ON CONFLICT (key) DO NOTHING`

const dueObjects = `SELECT key FROM object_tombstones WHERE delete_after <= $1 ORDER BY delete_after LIMIT $2`

// restoreWaits asks for the mark that a restore has put on these tables. Until it is
// confirmed or undone, the data from before may name what these tables do not.
const restoreWaits = `SELECT obj_description(to_regclass('schema_migrations'), 'pg_class') IS NOT NULL`

// DueObjects schedules the objects of uploads that no report named within a day,
// and returns the keys of objects that may be deleted now: none while a restore waits.
func (s *Store) DueObjects(ctx context.Context, now time.Time, limit int) ([]string, error) {
	var waits bool
	if err := s.pool.QueryRow(ctx, restoreWaits).Scan(&waits); err != nil || waits {
		return nil, failed("asking whether a restore waits", err)
	}
	if _, err := s.pool.Exec(ctx, dropUnreferenced, now, limit); err != nil {
		return nil, failed("looking for unreferenced pictures", err)
	}
	keys, err := collect(ctx, s.pool, pgx.RowTo[string], dueObjects, now, limit)
	return keys, failed("looking for objects to delete", err)
}

// ForgetObjects ends the schedule of objects that were deleted.
func (s *Store) ForgetObjects(ctx context.Context, keys []string) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM object_tombstones WHERE key = ANY($1::text[])`, keys)
	return failed("forgetting deleted objects", err)
}
