package postgres

import (
	"context"

	"github.com/bugspark/bugspark/internal/tracker"
)

// An upload takes minutes at most, and its object is deleted a day after it began unless
// a row names it by then. created_at stays null: no row has named the object, so the
// archive need not have it.
const expectPicture = `INSERT INTO object_tombstones (key, delete_after) VALUES ($1, now() + interval '1 day')`

// ExpectPicture is told of an object before it is stored, so that one which gets no row,
// because its client or this server was gone in between, is deleted.
func (s *Store) ExpectPicture(ctx context.Context, key string) error {
	_, err := s.pool.Exec(ctx, expectPicture, key)
	return failed("expecting a picture", err)
}

const insertPicture = `WITH expected AS (
	DELETE FROM object_tombstones WHERE key = $1 AND delete_after > now() + interval '1 hour' AND EXISTS (SELECT FROM projects WHERE id = $2)
	RETURNING key
)
INSERT INTO pictures (key, project_id, content_type, size) SELECT key, $2, $3, $4 FROM expected RETURNING key`

// AddPicture records an uploaded object that no report names yet. It was expected, and
// is durable by now. NotFound when the project is gone.
func (s *Store) AddPicture(ctx context.Context, projectID, key, contentType string, size int64) error {
	if err := checkID(projectID); err != nil {
		return err
	}
	return failed("recording a picture", s.pool.QueryRow(ctx, insertPicture, key, projectID, contentType, size).Scan(&key))
}

// Older ones are on their way out: dropUnreferenced looks for them every so often. Each
// counts as 64 KiB at least, so that a limit of 1 GiB is 16,384 rows at most, and an upload
// stays cheap however small the pictures of an attacker are.
const unnamedBytes = `SELECT coalesce(sum(greatest(p.size, 65536)), 0)::bigint FROM pictures p
WHERE p.project_id = $1 AND p.created_at > now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM report_pictures rp WHERE rp.key = p.key)`

// UnnamedBytes are those of the project's pictures that no report names yet.
func (s *Store) UnnamedBytes(ctx context.Context, projectID string) (int64, error) {
	if err := checkID(projectID); err != nil {
		return 0, err
	}
	var n int64
	err := s.pool.QueryRow(ctx, unnamedBytes, projectID).Scan(&n)
	return n, failed("adding up unnamed pictures", err)
}

const pictureBelongs = `SELECT EXISTS (SELECT FROM pictures WHERE key = $1 AND project_id = $2)`

// PictureBelongs reports whether key was uploaded for this project.
func (s *Store) PictureBelongs(ctx context.Context, projectID, key string) (bool, error) {
	if checkID(projectID) != nil {
		return false, nil
	}
	var ok bool
	err := s.pool.QueryRow(ctx, pictureBelongs, tracker.CleanText(key), projectID).Scan(&ok)
	return ok, failed("looking for a picture", err)
}
