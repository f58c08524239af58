package backup

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Cluster is our own PostgreSQL instance as a source.
type Cluster struct {
	*pgcluster.Cluster
	Product Product
}

var _ Database = Cluster{}

// Copy starts a base backup.
func (c Cluster) Copy(ctx context.Context) (DatabaseCopy, error) { return c.BaseBackup(ctx) }

// Facts asks the server.
func (c Cluster) Facts(ctx context.Context) (DatabaseFacts, error) {
	var f DatabaseFacts
	conn, err := pgx.Connect(ctx, c.DSN(pgcluster.Backup, pgcluster.Database))
	if err != nil {
		return f, fault.Wrap(fault.Failed, err, "systemctl start bugspark.target, if somebody has stopped it; 'bugspark status' tells", "reaching the database")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	err = conn.QueryRow(ctx, `SELECT system_identifier::text, current_setting('server_version_num')::int,
		(SELECT sum(pg_database_size(oid))::bigint FROM pg_database)
		FROM pg_control_system()`).Scan(&f.SystemIdentifier, &version, &f.Bytes)
	if err == nil {
		f.Schema, err = c.Product.Migration(ctx, conn)
	}
	if err != nil {
		return f, err
	}
	f.Major = version / 10000
	f.Rows, err = c.Product.Rows(ctx, conn)
	return f, err
}
