package backup

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Foreign is a customer's PostgreSQL server as a source. What happens between two
// sets is the server's own backups' business.
type Foreign struct{ *pgcluster.Foreign }

var _ Database = Foreign{}

// Copy is none: that would take rights over the whole server.
func (f Foreign) Copy(context.Context) (DatabaseCopy, error) { return nil, nil }

// Facts asks the server, and remembers what Dump needs of the answer.
func (f Foreign) Facts(ctx context.Context) (DatabaseFacts, error) {
	var d DatabaseFacts
	conn, err := pgx.Connect(ctx, f.DSN)
	if err != nil {
		return d, fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_schema(), pg_database_size(current_database())`).Scan(&version, &d.Namespace, &d.Bytes)
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT version FROM schema_migrations").Scan(&d.Schema)
	}
	if err != nil {
		return d, err
	}
	d.Major = version / 10000
	f.Major, f.Namespace = d.Major, d.Namespace
	d.Rows, err = countRows(ctx, conn)
	return d, err
}

// Rows counts what the server has.
func (f Foreign) Rows(ctx context.Context) (map[string]int64, error) {
	_, rows, err := count(ctx, f.DSN)
	return rows, err
}

// Empty tells whether the server has none of our tables yet.
func (f Foreign) Empty(ctx context.Context) (bool, error) {
	conn, err := pgx.Connect(ctx, f.DSN)
	if err != nil {
		return false, fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	var none bool
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, to_regclass('schema_migrations') IS NULL`).Scan(&version, &none)
	f.Major = version / 10000
	return none, err
}

// LoadForeign reads the logical copy of a set into a customer's server.
func LoadForeign(ctx context.Context, r *repository.Repository, set string, f Foreign, report func(Progress)) error {
	return loadLogical(ctx, r, set, report, f.Load)
}
