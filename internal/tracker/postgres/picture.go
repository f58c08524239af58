package postgres

import (
	"context"

	"github.com/bugspark/bugspark/internal/tracker"
)

const insertPicture = `INSERT INTO pictures (key, project_id, content_type, size)
SELECT $1, id, $3, $4 FROM projects WHERE id = $2 RETURNING key`

// AddPicture records an uploaded object that no report names yet. Its object
// must be durable by now.
func (s *Store) AddPicture(ctx context.Context, projectID, key, contentType string, size int64) error {
	if err := checkID(projectID); err != nil {
		return err
	}
	return failed("recording a picture", s.pool.QueryRow(ctx, insertPicture, key, projectID, contentType, size).Scan(&key))
}

// Older ones are on their way out: dropUnreferenced looks for them every so often.
const unnamedBytes = `SELECT coalesce(sum(p.size), 0)::bigint FROM pictures p
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
