package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

const reportInTx = `SELECT ` + reportColumns + `, r.evidence FROM reports r WHERE r.id = $1 FOR UPDATE`

// resolved_at is when the report first became resolved or closed; any other status
// clears it.
const updateReport = `UPDATE reports SET title = $2, description = $3, severity = $4::text::report_severity, category = $5::text::report_category,
	status = $6::text::report_status, assignee_id = $7, updated_at = greatest(now(), updated_at + interval '1 microsecond'),
	resolved_at = CASE WHEN $6::text IN ('resolved', 'closed') THEN coalesce(resolved_at, now()) END
WHERE id = $1 RETURNING updated_at`

const insertEvent = `INSERT INTO report_events (report_id, actor_id, changes) VALUES ($1, $2, $3)`

const mayBeAssigned = `SELECT EXISTS (SELECT FROM projects WHERE id = $1 AND owner_id = $2)
	OR EXISTS (SELECT FROM project_members WHERE project_id = $1 AND account_id = $2 AND accepted_at IS NOT NULL)`

// ChangeReport edits a report and writes the activity log; an edit that changes
// nothing leaves no trace, not even in UpdatedAt. An assignee who is neither the
// owner nor an accepted member is Refused.
func (s *Store) ChangeReport(ctx context.Context, id string, c tracker.ReportChange) (tracker.Report, error) {
	if err := checkID(id); err != nil {
		return tracker.Report{}, err
	}
	var out tracker.Report
	err := s.inTx(ctx, "changing a report", func(tx pgx.Tx) error {
		var project string
		if err := tx.QueryRow(ctx, lockReport, id).Scan(&project); err != nil {
			return err
		}
		before, err := scanReport(tx.QueryRow(ctx, reportInTx, id), s.ingest.codec)
		if err != nil {
			return err
		}
		after, changes := applyChange(before, c)
		if len(changes) == 0 {
			out = before
			return nil
		}
		if _, moved := changes["assigneeId"]; moved && after.AssigneeID != nil {
			if err := checkAssignee(ctx, tx, project, *after.AssigneeID); err != nil {
				return err
			}
		}
		err = tx.QueryRow(ctx, updateReport, id, after.Title, after.Description, string(after.Severity), string(after.Category),
			string(after.Status), after.AssigneeID).Scan(&after.UpdatedAt)
		if err != nil {
			return err
		}
		after.UpdatedAt = after.UpdatedAt.UTC()
		out = after
		if err := recount(ctx, tx, before, after); err != nil {
			return err
		}
		return logChange(ctx, tx, id, c, changes)
	})
	return out, err
}

// applyChange returns r with c applied and what differs, as [before, after].
func applyChange(r tracker.Report, c tracker.ReportChange) (tracker.Report, map[string][2]any) {
	changes := map[string][2]any{}
	change(changes, "title", &r.Title, cleanOptional(c.Title))
	change(changes, "description", &r.Description, cleanOptional(c.Description))
	change(changes, "severity", &r.Severity, c.Severity)
	change(changes, "category", &r.Category, c.Category)
	change(changes, "status", &r.Status, c.Status)
	if c.SetAssignee && deref(r.AssigneeID) != deref(c.AssigneeID) {
		changes["assigneeId"] = [2]any{r.AssigneeID, c.AssigneeID}
		r.AssigneeID = c.AssigneeID
	}
	return r, changes
}

func change[T comparable](changes map[string][2]any, name string, field, to *T) {
	if to == nil || *field == *to {
		return
	}
	changes[name] = [2]any{*field, *to}
	*field = *to
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func checkAssignee(ctx context.Context, tx pgx.Tx, project, account string) error {
	refused := &tracker.Error{Code: tracker.Refused, Field: "assignee_id", Message: "must be the project's owner or an accepted member"}
	if checkID(account) != nil {
		return refused
	}
	var ok bool
	if err := tx.QueryRow(ctx, mayBeAssigned, project, account).Scan(&ok); err != nil {
		return err
	}
	if !ok {
		return refused
	}
	return nil
}

func recount(ctx context.Context, tx pgx.Tx, before, after tracker.Report) error {
	if before.Status == after.Status && before.Severity == after.Severity {
		return nil
	}
	if _, err := tx.Exec(ctx, dropTally, before.ProjectID, before.CreatedAt, string(before.Status), string(before.Severity)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, addTally, after.ProjectID, after.CreatedAt, string(after.Status), string(after.Severity))
	return err
}

func logChange(ctx context.Context, tx pgx.Tx, id string, c tracker.ReportChange, changes map[string][2]any) error {
	doc, err := json.Marshal(changes)
	if err != nil {
		return fmt.Errorf("writing the activity log: %w", err)
	}
	var actor *string
	if c.ActorID != "" && !c.ActorIsSystem {
		actor = &c.ActorID
	}
	_, err = tx.Exec(ctx, insertEvent, id, actor, doc)
	return err
}
