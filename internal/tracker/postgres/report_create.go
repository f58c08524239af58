package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

// CreateReport stores r and returns once it is committed. When the project got
// the same fingerprint within the last five minutes it returns that report, and
// created is false. When it ever got the same submission id, and the report is there
// still, the result is r with that report's identity, and created is false. A project
// that is gone is NotFound.
func (s *Store) CreateReport(ctx context.Context, r tracker.NewReport) (report tracker.Report, created bool, err error) {
	defer s.ingest.enter()()
	sub, err := s.ingest.prepare(r)
	if err != nil {
		return tracker.Report{}, false, err
	}
	if err := s.ingest.submit(ctx, sub); err != nil {
		return tracker.Report{}, false, err
	}
	return sub.result, sub.fresh, nil
}

// prepare encodes and cleans r, in the caller's goroutine.
func (in *ingester) prepare(r tracker.NewReport) (*submission, error) {
	if err := checkID(r.ProjectID); err != nil {
		return nil, err
	}
	r.Title, r.Description = tracker.CleanText(r.Title), tracker.CleanText(r.Description)
	r.ReporterIdentifier = cleanOptional(r.ReporterIdentifier)
	r.ScreenshotKey, r.AnnotatedScreenshotKey = cleanOptional(r.ScreenshotKey), cleanOptional(r.AnnotatedScreenshotKey)
	stored, seen, err := in.codec.encode(r.Evidence)
	if err != nil {
		return nil, err
	}
	r.Evidence = seen
	id, err := newID()
	if err != nil {
		return nil, err
	}
	if r.SubmissionID != "" {
		if id, r.Fingerprint, err = submitted(r.ProjectID, r.SubmissionID); err != nil {
			return nil, err
		}
	}
	return &submission{report: r, evidence: stored, id: id, until: time.Now().Add(in.submitTimeout), done: make(chan struct{})}, nil
}

// lockProjects serializes the writers of these projects' reports, so that duplicates
// are found and numbers are unique. It locks in order, so that two batches cannot
// deadlock. It is a separate statement because the next one must see what the
// previous holder committed.
const lockProjects = `SELECT project_id FROM report_counters WHERE project_id = ANY($1::uuid[]) ORDER BY project_id FOR UPDATE`

// insertReports stores the reports whose fingerprint and id are new, numbers them, and
// counts them. A new table has no statistics, so the statement leaves the planner
// only the index of fingerprints and the primary key: a scalar subquery, unlike NOT
// EXISTS, cannot become a join that reads the whole table, and IS NOT DISTINCT FROM
// cannot use an index by project.
const insertReports = `
WITH input AS (
	SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bool[], $11::bytea[], $12::bytea[])
	WITH ORDINALITY AS i (id, project_id, title, description, severity, category, reporter_identifier, screenshot_key, annotated_screenshot_key, console_logs_included, fingerprint, evidence, ord)
), fresh AS (
	SELECT i.*, (row_number() OVER (PARTITION BY i.project_id ORDER BY i.ord))::int AS n
	FROM input i
	WHERE (
		SELECT r.id FROM reports r
		WHERE r.fingerprint_window = ANY (ARRAY[(extract(epoch FROM now()) / 300)::int - 1, (extract(epoch FROM now()) / 300)::int])
		  AND r.fingerprint = i.fingerprint AND r.project_id IS NOT DISTINCT FROM i.project_id AND r.created_at > now() - interval '5 minutes'
		LIMIT 1
	) IS NULL AND (SELECT r.id FROM reports r WHERE r.id = i.id) IS NULL
), numbered AS (
	UPDATE report_counters c SET last_number = c.last_number + f.reports
	FROM (SELECT project_id, count(*)::int AS reports FROM fresh GROUP BY project_id) f
	WHERE c.project_id = f.project_id
	RETURNING c.project_id, c.last_number - f.reports AS base
), stored AS (
	INSERT INTO reports (id, project_id, number, title, description, severity, category, reporter_identifier, screenshot_key,
		annotated_screenshot_key, console_logs_included, fingerprint, fingerprint_window, evidence, created_at, updated_at)
	SELECT f.id, f.project_id, c.base + f.n, f.title, f.description, f.severity::report_severity, f.category::report_category, f.reporter_identifier,
		f.screenshot_key, f.annotated_screenshot_key, f.console_logs_included, f.fingerprint, (extract(epoch FROM now()) / 300)::int, f.evidence, now(), now()
	FROM fresh f JOIN numbered c USING (project_id)
	RETURNING id, project_id, severity, tracking_id, created_at
), tallied AS (
	INSERT INTO report_tallies AS t (project_id, day, status, severity, reports)
	SELECT project_id, day, 'new', severity, count(*)
	FROM stored CROSS JOIN (VALUES ('-infinity'::date), ((now() AT TIME ZONE 'UTC')::date)) AS d (day) GROUP BY project_id, day, severity
	ON CONFLICT (project_id, day, status, severity) DO UPDATE SET reports = t.reports + excluded.reports
)
SELECT id, tracking_id, created_at FROM stored`

// linkPictures ties uploaded pictures to the reports that name them. A picture
// that is not there (any more) is left out rather than costing the report, and so is one
// that a repeated submission names and the stored report does not.
const linkPictures = `
INSERT INTO report_pictures (key, report_id)
SELECT p.key, r.id FROM unnest($1::text[], $2::uuid[]) AS named (key, report_id)
JOIN reports r ON r.id = named.report_id AND named.key IN (r.screenshot_key, r.annotated_screenshot_key) JOIN pictures p ON p.key = named.key AND p.project_id = r.project_id
ON CONFLICT DO NOTHING`

// store commits the batch, in one round trip, and finishes every submission of
// it; or it returns an error and finishes none. The statements of one pipeline
// are one transaction, which commits at its end.
func (in *ingester) store(ctx context.Context, batch []*submission) error {
	unique, repeats := splitRepeats(batch)
	var b pgx.Batch
	queueInsert(&b, unique)

	conn, err := in.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	answers := conn.SendBatch(ctx, &b)
	_, err = answers.Exec() // lockProjects
	var stored map[string]storedReport
	if err == nil {
		stored, err = readStored(answers)
	}
	if closing := answers.Close(); err == nil { // the error of the commit
		err = closing
	}
	if err != nil {
		return err
	}
	return answerSenders(ctx, conn, in.codec, unique, repeats, stored)
}

// splitRepeats separates submissions that repeat another one of the same batch,
// because the statement does not see rows that it inserts itself.
func splitRepeats(batch []*submission) (unique []*submission, repeats map[*submission]*submission) {
	type key struct {
		project     string
		fingerprint [32]byte
	}
	first := make(map[key]*submission, len(batch))
	for _, s := range batch {
		k := key{s.report.ProjectID, s.report.Fingerprint}
		if original, seen := first[k]; seen {
			if repeats == nil {
				repeats = map[*submission]*submission{}
			}
			repeats[s] = original
			continue
		}
		first[k] = s
		unique = append(unique, s)
	}
	return unique, repeats
}

// queueInsert turns the batch into one array per column, for unnest.
func queueInsert(b *pgx.Batch, batch []*submission) {
	n := len(batch)
	ids, projects := make([]string, n), make([]string, n)
	titles, descriptions := make([]string, n), make([]string, n)
	severities, categories := make([]string, n), make([]string, n)
	reporters, shots, annotated := make([]*string, n), make([]*string, n), make([]*string, n)
	logs, fingerprints, evidence := make([]bool, n), make([][]byte, n), make([][]byte, n)
	var keys, keyOwners []string
	for i, s := range batch {
		r := &s.report
		ids[i], projects[i] = s.id, r.ProjectID
		titles[i], descriptions[i] = r.Title, r.Description
		severities[i], categories[i] = string(r.Severity), string(r.Category)
		reporters[i], shots[i], annotated[i] = r.ReporterIdentifier, r.ScreenshotKey, r.AnnotatedScreenshotKey
		logs[i], fingerprints[i], evidence[i] = r.ConsoleLogsIncluded, r.Fingerprint[:], s.evidence
		for _, key := range []*string{r.ScreenshotKey, r.AnnotatedScreenshotKey} {
			if key != nil {
				keys, keyOwners = append(keys, *key), append(keyOwners, s.id)
			}
		}
	}
	b.Queue(lockProjects, projects)
	b.Queue(insertReports, ids, projects, titles, descriptions, severities, categories, reporters, shots, annotated, logs, fingerprints, evidence)
	if len(keys) > 0 {
		b.Queue(linkPictures, keys, keyOwners)
	}
}
