package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/golang-migrate/migrate/v4/source"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/migrations"
)

// Schema compares the database's tables with those this binary was built for,
// and brings them up to date.
type Schema struct {
	pool   *pgxpool.Pool
	config *pgx.ConnConfig
	files  fs.FS
}

// Schema returns the schema of the open database.
func (s *Store) Schema() *Schema { return &Schema{s.pool, s.config, migrations.Files} }

// SchemaStatus is the schema of a database. Version 0 is an empty one.
type SchemaStatus struct {
	Version uint     `json:"version"`
	Newest  uint     `json:"newest"` // the last one this binary knows
	Dirty   bool     `json:"dirty"`  // migrating to Version was interrupted
	Pending []string `json:"pending"`
}

// schemaExists is asked first, because a first start would otherwise write an error
// about a missing table to PostgreSQL's log.
const schemaExists = `SELECT to_regclass('schema_migrations') IS NOT NULL`

const schemaVersion = `SELECT version, dirty FROM schema_migrations LIMIT 1`

// Status reads the schema of the database.
func (s *Schema) Status(ctx context.Context) (SchemaStatus, error) {
	known, err := s.known()
	if err != nil {
		return SchemaStatus{}, err
	}
	st := SchemaStatus{Newest: known[len(known)-1].Version, Pending: []string{}}
	there := false
	err = s.pool.QueryRow(ctx, schemaExists).Scan(&there)
	if err == nil && there {
		err = s.pool.QueryRow(ctx, schemaVersion).Scan(&st.Version, &st.Dirty)
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return SchemaStatus{}, failed("reading the schema's version", err)
	}
	for _, m := range known {
		if m.Version > st.Version || (st.Dirty && m.Version == st.Version) {
			st.Pending = append(st.Pending, m.Raw)
		}
	}
	return st, nil
}

// Validate refuses a schema that is not exactly the one this binary was built
// for, and says what to do about it.
func (s *Schema) Validate(ctx context.Context) error {
	st, err := s.Status(ctx)
	if err != nil {
		return err
	}
	return st.Verdict()
}

// Verdict returns nil when the API may use such a database, and otherwise an error
// with a hint.
func (st SchemaStatus) Verdict() error {
	switch {
	case st.Version > st.Newest:
		return errNewer(st)
	case st.Dirty:
		return fault.New(fault.Failed, "run 'bugspark migrate up', which finds out how far it got",
			"migrating the database to schema %d was interrupted", st.Version)
	case len(st.Pending) > 0:
		return fault.New(fault.Failed, "run 'bugspark migrate up'",
			"the database has schema %d, this version of bugspark needs schema %d", st.Version, st.Newest)
	}
	return nil
}

func errNewer(st SchemaStatus) error {
	return fault.New(fault.Failed, "install the newer version of bugspark again, or restore the backup taken before it was installed",
		"the database has schema %d, this version of bugspark knows nothing after %d", st.Version, st.Newest)
}

// known lists the migrations of this binary, oldest first.
func (s *Schema) known() ([]*source.Migration, error) {
	names, err := fs.Glob(s.files, "*.up.sql")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("listing the migrations: %w", errors.Join(err, fs.ErrNotExist))
	}
	var known []*source.Migration
	for _, name := range names {
		m, err := source.DefaultParse(name)
		if err != nil {
			return nil, fmt.Errorf("reading the name of migration %q: %w", name, err)
		}
		known = append(known, m)
	}
	return known, nil
}
