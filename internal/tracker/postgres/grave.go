package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// buryOrphans turns uploads that no report named within a day into tombstones.
// They wait the same 72 hours, because a backup may hold their row. A report
// that claims one at this moment holds its row's lock and is waited for.
const buryOrphans = `
WITH gone AS (
	DELETE FROM pictures WHERE key IN (
		SELECT p.key FROM pictures p
		WHERE p.created_at < $1::timestamptz - interval '1 day' AND NOT EXISTS (SELECT FROM report_pictures rp WHERE rp.key = p.key)
		LIMIT $2 FOR UPDATE SKIP LOCKED
	) AND NOT EXISTS (SELECT FROM report_pictures rp WHERE rp.key = pictures.key)
	RETURNING key
)
INSERT INTO object_tombstones (key, delete_after) SELECT key, $1::timestamptz + interval '72 hours' FROM gone
ON CONFLICT (key) DO NOTHING`

const dueTombstones = `SELECT key FROM object_tombstones WHERE delete_after <= $1 ORDER BY delete_after LIMIT $2`

// DuePictures returns the keys of objects to be removed now, and makes
// tombstones of uploads that nothing has named for a day.
func (s *Store) DuePictures(ctx context.Context, now time.Time, limit int) ([]string, error) {
	if _, err := s.pool.Exec(ctx, buryOrphans, now, limit); err != nil {
		return nil, failed("looking for orphaned pictures", err)
	}
	rows, err := s.pool.Query(ctx, dueTombstones, now, limit)
	if err != nil {
		return nil, failed("looking for due pictures", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return keys, failed("looking for due pictures", err)
}

// ForgetPictures removes the tombstones of objects that are gone.
func (s *Store) ForgetPictures(ctx context.Context, keys []string) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM object_tombstones WHERE key = ANY($1::text[])`, keys)
	return failed("forgetting removed pictures", err)
}
