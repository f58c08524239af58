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
