package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

// countedMatches is the largest total of a search. It bounds the cost of counting the
// matches of a common word. Without a search the total comes from report_tallies and
// is exact.
const countedMatches = 10_000

// maxListed bounds how deep a page may lie; a cursor has no such bound.
const maxListed = 100_000

const visibleProjects = `SELECT p.id FROM projects p WHERE p.is_active AND ` + visible + ` AND ($3::uuid IS NULL OR p.id = $3)`

// ListReports returns a page of the reports the viewer may see: those of active
// projects. A project that is not visible yields an empty page. An unknown sort
// key or a damaged cursor is Invalid.
func (s *Store) ListReports(ctx context.Context, f tracker.ReportFilter) (tracker.ReportPage, error) {
	q, err := newListQuery(f)
	if err != nil {
		return tracker.ReportPage{}, err
	}
	var only *string
	if f.ProjectID != "" {
		if checkID(f.ProjectID) != nil {
			return tracker.ReportPage{}, nil
		}
		only = &f.ProjectID
	}
	projects, err := collect(ctx, s.pool, pgx.RowTo[string], visibleProjects, viewerID(f.Viewer), f.Viewer.IsSuperadmin, only)
	if err != nil || len(projects) == 0 {
		return tracker.ReportPage{}, failed("listing reports", err)
	}
	page, err := s.listPage(ctx, q, projects)
	return page, failed("listing reports", err)
}

// listPage asks for the page and its total in one round trip.
func (s *Store) listPage(ctx context.Context, q listQuery, projects []string) (tracker.ReportPage, error) {
	var page tracker.ReportPage
	var b pgx.Batch
	sql, args := q.rows(projects)
	var lastKey string
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var r tracker.Report
			var key string
			if err := rows.Scan(append(reportFields(&r), &key)...); err != nil {
				return err
			}
			if len(page.Items) == q.filter.PageSize { // one row more than the page: there is a next page
				page.NextCursor = q.cursorAfter(lastKey, page.Items[len(page.Items)-1].ID)
				continue
			}
			r.ScreenshotKey, r.AnnotatedScreenshotKey = nil, nil
			r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
			page.Items, lastKey = append(page.Items, r), key
		}
		return rows.Err()
	})
	sql, args = q.total(projects)
	b.Queue(sql, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&page.Total) })
	err := s.pool.SendBatch(ctx, &b).Close()
	if q.filter.Search != "" && page.Total > countedMatches {
		page.Total, page.TotalIsEstimate = countedMatches, true
	}
	return page, err
}

// searched is the text of a report that a search looks through, in one expression so
// that it is converted to lower case once. The newlines keep a match within a field.
const searched = `(r.tracking_id || E'\n' || r.title || E'\n' || r.description)`

// rows is the statement for the page itself. It looks into each project (and,
// where statuses or severities are chosen, each pair of those) by itself and
// takes only what may be on the page, so that the number of reports beside the
// page does not matter.
func (q listQuery) rows(projects []string) (string, []any) {
	var a arguments
	f := q.filter
	direction, after := "DESC", "<"
	if f.Ascending {
		direction, after = "ASC", ">"
	}
	from := fmt.Sprintf("unnest(%s::uuid[]) AS v (project_id)", a.add(projects))
	where := []string{"r.project_id = v.project_id"}
	if filtered := len(f.Statuses)+len(f.Severities) > 0; filtered && q.sort.column == "r.created_at" && f.Search == "" {
		from += fmt.Sprintf(" CROSS JOIN unnest(%s::text[]::report_status[]) AS w (status) CROSS JOIN unnest(%s::text[]::report_severity[]) AS x (severity)",
			a.add(orAll(f.Statuses, tracker.Statuses())), a.add(orAll(f.Severities, tracker.Severities())))
		where = append(where, "r.status = w.status", "r.severity = x.severity")
	} else {
		where = append(where, q.triage(&a)...)
	}
	if !f.Since.IsZero() {
		where = append(where, "r.created_at >= "+a.add(f.Since))
	}
	if f.Search != "" {
		where = append(where, searched+" ILIKE "+a.add(pattern(f.Search)))
	}
	offset := max(f.Page-1, 0) * f.PageSize
	if q.after != nil {
		where = append(where, fmt.Sprintf("(%s, r.id) %s (%s::text::%s, %s::text::uuid)", q.sort.column, after, a.add(q.after.Key), q.sort.kind, a.add(q.after.ID)))
		offset = 0
	}
	order := fmt.Sprintf("ORDER BY %s %s, r.id %s", q.sort.column, direction, direction)
	return fmt.Sprintf(`SELECT %s, (%s)::text FROM %s CROSS JOIN LATERAL (
	SELECT r.* FROM reports r WHERE %s %s LIMIT %s) r %s LIMIT %s OFFSET %s`,
		reportColumns, q.sort.column, from, strings.Join(where, " AND "), order, a.add(offset+f.PageSize+1),
		order, a.add(f.PageSize+1), a.add(offset)), a
}

// total counts before paging: from the tallies, but for the part of a day that
// Since cuts off; or, for a search, the rows up to one more than countedMatches.
func (q listQuery) total(projects []string) (string, []any) {
	var a arguments
	f := q.filter
	where := append([]string{"r.project_id = ANY(" + a.add(projects) + "::uuid[])"}, q.triage(&a)...)
	if f.Search != "" {
		if !f.Since.IsZero() {
			where = append(where, "r.created_at >= "+a.add(f.Since))
		}
		return fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM reports r WHERE %s AND %s ILIKE %s LIMIT %d) matches`,
			strings.Join(where, " AND "), searched, a.add(pattern(f.Search)), countedMatches+1), a
	}
	tallies := `SELECT coalesce(sum(r.reports), 0)::bigint FROM report_tallies r WHERE ` + strings.Join(where, " AND ")
	if f.Since.IsZero() {
		return tallies + " AND r.day = '-infinity'", a
	}
	midnight := f.Since.UTC().Truncate(24 * time.Hour)
	if midnight.Equal(f.Since) {
		return tallies + " AND r.day >= " + a.add(midnight.Format(time.DateOnly)) + "::text::date", a
	}
	midnight = midnight.Add(24 * time.Hour)
	return fmt.Sprintf(`SELECT (%s AND r.day >= %s::text::date) + (SELECT count(*) FROM reports r WHERE %s AND r.created_at >= %s AND r.created_at < %s)`,
		tallies, a.add(midnight.Format(time.DateOnly)), strings.Join(where, " AND "), a.add(f.Since), a.add(midnight)), a
}

// triage filters by status and severity, in reports and in tallies alike.
func (q listQuery) triage(a *arguments) []string {
	var where []string
	if len(q.filter.Statuses) > 0 {
		where = append(where, "r.status = ANY("+a.add(q.filter.Statuses)+"::text[]::report_status[])")
	}
	if len(q.filter.Severities) > 0 {
		where = append(where, "r.severity = ANY("+a.add(q.filter.Severities)+"::text[]::report_severity[])")
	}
	return where
}

// arguments numbers the values of a statement put together from parts.
type arguments []any

func (a *arguments) add(v any) string {
	*a = append(*a, v)
	return fmt.Sprintf("$%d", len(*a))
}

func orAll[T any](chosen, all []T) []T {
	if len(chosen) > 0 {
		return chosen
	}
	return all
}

// pattern makes a literal substring of an ILIKE pattern. The newline separates
// the fields of the searched expression, so none may be looked for.
func pattern(s string) string {
	s = strings.ReplaceAll(tracker.CleanText(s), "\n", " ")
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}
