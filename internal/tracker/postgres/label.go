package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

// Labels returns the labels of a project by name.
func (s *Store) Labels(ctx context.Context, projectID string) ([]tracker.Label, error) {
	out, err := collect(ctx, s.pool, pgx.RowToStructByPos[tracker.Label], `SELECT id::text, project_id::text, name FROM labels WHERE project_id = $1 ORDER BY name`, projectID)
	return out, failed("reading labels", err)
}
