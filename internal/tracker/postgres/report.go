package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// reportColumns are the columns of a list, which does not read evidence.
const reportColumns = `r.id, r.project_id, r.tracking_id, r.title, r.description, r.severity::text, r.category::text, r.status::text, r.assignee_id,
	r.screenshot_key, r.annotated_screenshot_key, r.reporter_identifier, r.console_logs_included, r.created_at, r.updated_at`

// reportFields are the destinations of reportColumns.
func reportFields(r *tracker.Report) []any {
	return []any{&r.ID, &r.ProjectID, &r.TrackingID, &r.Title, &r.Description, &r.Severity, &r.Category, &r.Status, &r.AssigneeID,
		&r.ScreenshotKey, &r.AnnotatedScreenshotKey, &r.ReporterIdentifier, &r.ConsoleLogsIncluded, &r.CreatedAt, &r.UpdatedAt}
}

// scanReport reads reportColumns and evidence.
func scanReport(row pgx.Row, codec *evidenceCodec) (tracker.Report, error) {
	var r tracker.Report
	var evidence []byte
	if err := row.Scan(append(reportFields(&r), &evidence)...); err != nil {
		return tracker.Report{}, err
	}
	var err error
	r.Evidence, err = codec.decode(evidence)
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	return r, err
}

const reportByID = `SELECT ` + reportColumns + `, r.evidence FROM reports r JOIN projects p ON p.id = r.project_id
WHERE r.id = $1 AND p.is_active`

// Report returns one report with its evidence. Those of a deactivated project
// are hidden.
func (s *Store) Report(ctx context.Context, id string) (tracker.Report, error) {
	if err := checkID(id); err != nil {
		return tracker.Report{}, err
	}
	r, err := scanReport(s.pool.QueryRow(ctx, reportByID, id), s.ingest.codec)
	return r, failed("reading a report", err)
}

// lockReport takes the project's write lock (see lockProjects) before the
// report's own, in the order in which everybody takes them.
const lockReport = `SELECT c.project_id FROM report_counters c JOIN projects p ON p.id = c.project_id
WHERE c.project_id = (SELECT project_id FROM reports WHERE id = $1) AND p.is_active FOR UPDATE OF c`

// addTally and dropTally move a report between cells.
const addTally = `INSERT INTO report_tallies AS t (project_id, day, status, severity, reports)
SELECT $1::uuid, day, $3::text::report_status, $4::text::report_severity, 1
FROM (VALUES ('-infinity'::date), (($2::timestamptz AT TIME ZONE 'UTC')::date)) AS d (day)
ON CONFLICT (project_id, day, status, severity) DO UPDATE SET reports = t.reports + 1`

const dropTally = `UPDATE report_tallies SET reports = reports - 1
WHERE project_id = $1 AND day IN ('-infinity', ($2::timestamptz AT TIME ZONE 'UTC')::date) AND status = $3::text::report_status AND severity = $4::text::report_severity`

const deleteReport = `DELETE FROM reports r WHERE r.id = $1
RETURNING r.project_id, r.created_at, r.status::text, r.severity::text`

const picturesOfReport = `SELECT key FROM report_pictures WHERE report_id = $1`

// dropPictures deletes the rows of those pictures that no report names any more
// and schedules their objects.
const dropPictures = `
WITH gone AS (
	DELETE FROM pictures p WHERE p.key = ANY($1::text[]) AND NOT EXISTS (SELECT FROM report_pictures rp WHERE rp.key = p.key)
	RETURNING p.key, p.created_at
)
INSERT INTO object_tombstones (key, delete_after, created_at) SELECT key, now() + ` + keepUnreferenced + `, created_at FROM gone
ON CONFLICT (key) DO NOTHING`

// DeleteReport removes the row now; the objects of its pictures follow 72 hours
// later unless another report names them.
func (s *Store) DeleteReport(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return s.inTx(ctx, "deleting a report", func(tx pgx.Tx) error {
		var project string
		if err := tx.QueryRow(ctx, lockReport, id).Scan(&project); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, picturesOfReport, id)
		if err != nil {
			return err
		}
		keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		var r tracker.Report
		if err := tx.QueryRow(ctx, deleteReport, id).Scan(&r.ProjectID, &r.CreatedAt, &r.Status, &r.Severity); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropTally, r.ProjectID, r.CreatedAt, r.Status, r.Severity); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, dropPictures, keys)
		return err
	})
}
