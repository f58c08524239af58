package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
)

// projectColumns end with the role of the viewer $1 (a superadmin if $2) and
// the number of reports. Every statement that reads projects has these two
// first.
const projectColumns = `p.id, p.owner_id, p.name, p.domain, p.api_key_prefix, p.is_active, p.settings, p.created_at,
	CASE WHEN $2::bool OR p.owner_id = $1::uuid THEN 'owner'
	     ELSE coalesce((SELECT m.role FROM project_members m WHERE m.project_id = p.id AND m.account_id = $1::uuid AND m.accepted_at IS NOT NULL), '') END,
	(SELECT coalesce(sum(t.reports), 0)::int FROM report_tallies t WHERE t.project_id = p.id AND t.day = '-infinity')`

func scanProject(row pgx.CollectableRow) (tracker.Project, error) {
	var p tracker.Project
	err := row.Scan(&p.ID, &p.OwnerID, &p.Name, &p.Domain, &p.APIKeyPrefix, &p.IsActive, &p.Settings, &p.CreatedAt, &p.Role, &p.ReportCount)
	p.CreatedAt = p.CreatedAt.UTC()
	return p, err
}

// asOwner starts the arguments of a statement without a viewer: its project is
// returned as the owner sees it.
func asOwner(rest ...any) []any { return append([]any{nil, true}, rest...) }

func (s *Store) project(ctx context.Context, doing, sql string, args ...any) (tracker.Project, error) {
	p, err := collectOne(ctx, s.pool, scanProject, sql, args...)
	return p, failed(doing, err)
}

const insertProject = `WITH p AS (
	INSERT INTO projects (id, owner_id, name, domain, api_key_hash, api_key_prefix)
	SELECT $3, a.id, $5, $6, $7, $8 FROM accounts a WHERE a.id = $4 RETURNING *
), counter AS (
	INSERT INTO report_counters (project_id) SELECT id FROM p
)
SELECT ` + projectColumns + ` FROM p`

// CreateProject makes an active project with default settings. An owner who is
// not there is NotFound.
func (s *Store) CreateProject(ctx context.Context, p tracker.NewProject, keyHash, keyPrefix string) (tracker.Project, error) {
	if err := checkID(p.OwnerID); err != nil {
		return tracker.Project{}, err
	}
	id, err := newID()
	if err != nil {
		return tracker.Project{}, err
	}
	return s.project(ctx, "making a project", insertProject,
		asOwner(id, p.OwnerID, tracker.CleanText(p.Name), tracker.CleanText(p.Domain), keyHash, keyPrefix)...)
}

const projectByID = `SELECT ` + projectColumns + ` FROM projects p WHERE p.id = $3`

// Project returns the project, active or not, with the viewer's role in it:
// RoleNone for one who may not see it, RoleOwner for a superadmin.
func (s *Store) Project(ctx context.Context, v tracker.Viewer, id string) (tracker.Project, error) {
	if err := checkID(id); err != nil {
		return tracker.Project{}, err
	}
	return s.project(ctx, "reading a project", projectByID, viewerID(v), v.IsSuperadmin, id)
}

const listProjects = `SELECT ` + projectColumns + ` FROM projects p WHERE (p.is_active OR $3::bool) AND ` + visible + ` ORDER BY p.created_at, p.id`

// visible selects the projects p that viewer $1 (superadmin if $2) may see.
const visible = `($2::bool OR p.owner_id = $1::uuid OR EXISTS (
	SELECT FROM project_members m WHERE m.project_id = p.id AND m.account_id = $1::uuid AND m.accepted_at IS NOT NULL))`

// ListProjects returns the projects the viewer may see, oldest first: the active ones,
// and with inactive the others too.
func (s *Store) ListProjects(ctx context.Context, v tracker.Viewer, inactive bool) ([]tracker.Project, error) {
	out, err := collect(ctx, s.pool, scanProject, listProjects, viewerID(v), v.IsSuperadmin, inactive)
	return out, failed("listing projects", err)
}

const usage = `SELECT count(*) FILTER (WHERE p.is_active), coalesce(sum((
	SELECT sum(t.reports) FROM report_tallies t WHERE t.project_id = p.id AND t.day >= $2::text::date)), 0)::int
FROM projects p WHERE p.owner_id = $1`

// Usage counts an account's own active projects, and the reports since the day of
// since, in UTC, of all its own projects.
func (s *Store) Usage(ctx context.Context, accountID string, since time.Time) (tracker.Usage, error) {
	var u tracker.Usage
	if err := checkID(accountID); err != nil {
		return u, err
	}
	err := s.pool.QueryRow(ctx, usage, accountID, since.UTC().Format(time.DateOnly)).Scan(&u.Projects, &u.Reports)
	return u, failed("counting what an account owns", err)
}

// viewerID is nil for a viewer without an account.
func viewerID(v tracker.Viewer) *string {
	if checkID(v.AccountID) != nil {
		return nil
	}
	return &v.AccountID
}

const updateProject = `WITH p AS (
	UPDATE projects SET name = coalesce($4, name), domain = coalesce($5, domain), settings = coalesce($6, settings),
		is_active = coalesce($7, is_active), updated_at = now()
	WHERE id = $3 RETURNING *
)
SELECT ` + projectColumns + ` FROM p`

// ChangeProject edits a project. Settings that are no JSON object are Invalid.
func (s *Store) ChangeProject(ctx context.Context, id string, c tracker.ProjectChange) (tracker.Project, error) {
	if err := checkID(id); err != nil {
		return tracker.Project{}, err
	}
	var doc *string
	if c.Settings != nil {
		settings := bytes.TrimSpace(cleanJSON(c.Settings))
		if !json.Valid(settings) || settings[0] != '{' {
			return tracker.Project{}, &tracker.Error{Code: tracker.Invalid, Field: "settings", Message: "must be a JSON object"}
		}
		text := string(settings)
		doc = &text
	}
	return s.project(ctx, "changing a project", updateProject,
		asOwner(id, cleanOptional(c.Name), cleanOptional(c.Domain), doc, c.IsActive)...)
}

const rotateKey = `WITH p AS (
	UPDATE projects SET api_key_hash = $4, api_key_prefix = $5, updated_at = now() WHERE id = $3 RETURNING *
)
SELECT ` + projectColumns + ` FROM p`

// RotateKey replaces the project's key; the old one is invalid at once.
func (s *Store) RotateKey(ctx context.Context, id, keyHash, keyPrefix string) (tracker.Project, error) {
	if err := checkID(id); err != nil {
		return tracker.Project{}, err
	}
	return s.project(ctx, "rotating a key", rotateKey, asOwner(id, keyHash, keyPrefix)...)
}

// projectByKey leaves the reports uncounted: a widget asks on every page load.
const projectByKey = `SELECT id, owner_id, name, domain, api_key_prefix, is_active, settings, created_at, 'owner', 0
FROM projects WHERE api_key_hash = $1`

// ProjectByKey returns the project with that key hash, active or not. ReportCount is
// not filled in.
func (s *Store) ProjectByKey(ctx context.Context, keyHash string) (tracker.Project, error) {
	return s.project(ctx, "looking up a key", projectByKey, tracker.CleanText(keyHash))
}

const lockProject = `SELECT project_id FROM report_counters WHERE project_id = $1 FOR UPDATE`

// scheduleObjects schedules every object of the project for deletion.
const scheduleObjects = `INSERT INTO object_tombstones (key, delete_after, created_at)
SELECT key, now() + ` + keepUnreferenced + `, created_at FROM pictures WHERE project_id = $1 ON CONFLICT (key) DO NOTHING`

// DeleteProject removes the project and its reports now, which takes a while
// when there are many, and the objects of its pictures 72 hours later.
func (s *Store) DeleteProject(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return s.inTx(ctx, "deleting a project", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, lockProject, id).Scan(&id); err != nil {
			return err
		}
		for _, sql := range []string{
			scheduleObjects,
			`DELETE FROM reports WHERE project_id = $1`,
			`DELETE FROM pictures WHERE project_id = $1`,
			`DELETE FROM projects WHERE id = $1`,
		} {
			if _, err := tx.Exec(ctx, sql, id); err != nil {
				return err
			}
		}
		return nil
	})
}
