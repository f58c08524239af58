package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

// submitted is the identity of a submission that has an id of its own: the id of its
// report, which is the same whenever it is sent, and the fingerprint by which repeats in
// one batch are found. So no table and no column is needed to know it again.
//
// The report's id has the form of a version 7 UUID. Its time is that of the submission
// id where that has one, so that reports of one day stay together in the index, and
// zero otherwise; the clock of the server would be another one each time. The other 74
// bits are of a hash over project and submission: nobody can make a submission whose
// report takes the id of one that exists.
func submitted(project, submission string) (id string, fingerprint [32]byte, err error) {
	from, err := uuid.Parse(submission)
	if err != nil {
		return "", fingerprint, &tracker.Error{Code: tracker.Invalid, Field: "submission_id", Message: "must be a UUID"}
	}
	of, err := uuid.Parse(project)
	if err != nil {
		return "", fingerprint, fmt.Errorf("reading a project's id: %w", err)
	}
	sum := sha256.Sum256(append(append([]byte("submission\x00"), of[:]...), from[:]...))
	var made uuid.UUID
	copy(made[:], sum[:])
	clear(made[:6])
	if from.Version() == 7 && from.Variant() == uuid.RFC4122 {
		copy(made[:6], from[:6])
	}
	made[6] = made[6]&0x0f | 0x70
	made[8] = made[8]&0x3f | 0x80
	return made.String(), sum, nil
}

// storedReport is the identity of a report that is stored.
type storedReport struct {
	id         string
	trackingID string
	createdAt  time.Time
}

func readStored(answers pgx.BatchResults) (map[string]storedReport, error) {
	rows, err := answers.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := map[string]storedReport{}
	for rows.Next() {
		var r storedReport
		if err := rows.Scan(&r.id, &r.trackingID, &r.createdAt); err != nil {
			return nil, err
		}
		stored[r.id] = r
	}
	return stored, rows.Err()
}

const reportByFingerprint = `SELECT ` + reportColumns + `, evidence FROM reports r
WHERE fingerprint_window = ANY (ARRAY[(extract(epoch FROM now()) / 300)::int - 1, (extract(epoch FROM now()) / 300)::int])
  AND fingerprint = $2 AND project_id IS NOT DISTINCT FROM $1::uuid AND created_at > now() - interval '5 minutes'
ORDER BY created_at DESC LIMIT 1`

// reportBySubmission reads the identity only: see asStored.
const reportBySubmission = `SELECT id, tracking_id, created_at FROM reports WHERE id = $2 AND project_id = $1`

// answerSenders gives every sender of a committed batch the stored report. A report
// that was not inserted exists already: it was sent twice or, if it has the same id,
// stored by an earlier attempt whose answer was lost.
func answerSenders(ctx context.Context, q querier, codec *evidenceCodec, unique []*submission, repeats map[*submission]*submission, stored map[string]storedReport) error {
	type outcome struct {
		report tracker.Report
		fresh  bool
		err    error
	}
	outcomes := make(map[*submission]outcome, len(unique))
	for _, s := range unique {
		if row, ok := stored[s.id]; ok {
			outcomes[s] = outcome{report: s.asStored(row), fresh: true}
			continue
		}
		found, fresh, err := s.find(ctx, q, codec)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // no counter to number it with
			outcomes[s] = outcome{err: tracker.Errorf(tracker.NotFound, "the project is gone")}
		case err != nil:
			return err
		default:
			outcomes[s] = outcome{report: found, fresh: fresh}
		}
	}
	for s, o := range outcomes {
		s.finish(o.report, o.fresh, o.err)
	}
	for s, original := range repeats {
		o := outcomes[original]
		if o.err == nil && s.report.SubmissionID != "" {
			o.report = s.asStored(storedReport{o.report.ID, o.report.TrackingID, o.report.CreatedAt})
		}
		s.finish(o.report, false, o.err)
	}
	return nil
}

// find looks for the report that kept this submission from being inserted.
func (s *submission) find(ctx context.Context, q querier, codec *evidenceCodec) (found tracker.Report, fresh bool, err error) {
	if s.report.SubmissionID == "" {
		found, err = scanReport(q.QueryRow(ctx, reportByFingerprint, s.report.ProjectID, s.report.Fingerprint[:]), codec)
		return found, found.ID == s.id, err
	}
	var row storedReport
	err = q.QueryRow(ctx, reportBySubmission, s.report.ProjectID, s.id).Scan(&row.id, &row.trackingID, &row.createdAt)
	return s.asStored(row), false, err
}

// asStored is this submission under a report's identity. Of one that was inserted it is
// the report as a reader will see it, without asking again. One that was sent again
// with its submission id gets nothing that it did not send, because whoever guesses or
// sees the id of another visitor's submission knows the project's public key as well.
func (s *submission) asStored(row storedReport) tracker.Report {
	r := s.report
	return tracker.Report{
		ID: row.id, ProjectID: r.ProjectID, TrackingID: row.trackingID,
		Title: r.Title, Description: r.Description,
		Severity: r.Severity, Category: r.Category, Status: tracker.StatusNew,
		ScreenshotKey: r.ScreenshotKey, AnnotatedScreenshotKey: r.AnnotatedScreenshotKey,
		Evidence: r.Evidence, ReporterIdentifier: r.ReporterIdentifier, ConsoleLogsIncluded: r.ConsoleLogsIncluded,
		CreatedAt: row.createdAt.UTC(), UpdatedAt: row.createdAt.UTC(),
	}
}
