package backup

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Cluster is our own PostgreSQL instance as a source.
type Cluster struct{ *pgcluster.Cluster }

var _ Database = Cluster{}

// countedTables are those whose loss somebody would notice.
func countedTables() []string { return []string{"accounts", "projects", "reports", "pictures"} }

// Copy starts a base backup.
func (c Cluster) Copy(ctx context.Context) (DatabaseCopy, error) { return c.BaseBackup(ctx) }

// Facts asks the server.
func (c Cluster) Facts(ctx context.Context) (DatabaseFacts, error) {
	var f DatabaseFacts
	conn, err := pgx.Connect(ctx, c.DSN(pgcluster.Backup, pgcluster.Database))
	if err != nil {
		return f, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	err = conn.QueryRow(ctx, `SELECT system_identifier::text, current_setting('server_version_num')::int,
		(SELECT sum(pg_database_size(oid))::bigint FROM pg_database), (SELECT version FROM schema_migrations)
		FROM pg_control_system()`).Scan(&f.SystemIdentifier, &version, &f.Bytes, &f.Schema)
	if err != nil {
		return f, err
	}
	f.Major = version / 10000
	f.Rows, err = countRows(ctx, conn)
	return f, err
}

func countRows(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	rows := map[string]int64{}
	for _, table := range countedTables() {
		var n int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{table}.Sanitize()).Scan(&n); err != nil {
			return rows, fmt.Errorf("counting %s: %w", strconv.Quote(table), err)
		}
		rows[table] = n
	}
	return rows, nil
}
