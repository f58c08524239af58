package backup

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// CustomerServer is a customer's PostgreSQL server as a source. Without a role that
// may replicate, no WAL is received, and only the server's own backups have what
// happens between two sets.
type CustomerServer struct {
	*pgcluster.CustomerServer
	Product Product
}

var _ Database = CustomerServer{}

// Copy starts a base backup of the whole server, if a role for that is known.
func (f CustomerServer) Copy(ctx context.Context) (DatabaseCopy, error) {
	if f.Replication == "" {
		return nil, nil
	}
	up, err := f.Upstream()
	if err != nil {
		return nil, err
	}
	return up.BaseBackup(ctx)
}

func (f CustomerServer) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, f.DSN)
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "check the credential database-dsn, whether its server runs, and whether it lets this machine in", "reaching the database")
	}
	return conn, nil
}

// Facts asks the server. It keeps the major version and the schema for Dump.
func (f CustomerServer) Facts(ctx context.Context) (DatabaseFacts, error) {
	var d DatabaseFacts
	conn, err := f.connect(ctx)
	if err != nil {
		return d, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_schema(), pg_database_size(current_database())`).Scan(&version, &d.Namespace, &d.Bytes)
	if err == nil {
		d.Schema, err = f.Product.Migration(ctx, conn)
	}
	if err != nil {
		return d, err
	}
	if f.Replication != "" {
		err = conn.QueryRow(ctx, `SELECT system_identifier::text, current_database(), (SELECT rolname FROM pg_roles WHERE oid = 10) FROM pg_control_system()`).
			Scan(&d.SystemIdentifier, &d.Name, &d.Superuser)
	}
	if err != nil {
		return d, err
	}
	d.Major = version / 10000
	f.Major, f.Namespace = d.Major, d.Namespace
	d.Rows, err = f.Product.Rows(ctx, conn)
	return d, err
}

// Rows counts what the server has.
func (f CustomerServer) Rows(ctx context.Context) (map[string]int64, error) {
	_, rows, err := count(ctx, f.Product, f.DSN)
	return rows, err
}

// Migration is the last migration of our tables on the server, 0 where there are
// none yet.
func (f CustomerServer) Migration(ctx context.Context) (int, error) {
	conn, err := f.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, coalesce(current_schema(), '')`).Scan(&version, &f.Namespace)
	f.Major = version / 10000
	if err != nil {
		return 0, err
	}
	return f.Product.Migration(ctx, conn)
}

// TableBytes is the size of our tables on the server, without their indexes.
func (f CustomerServer) TableBytes(ctx context.Context) (bytes int64, err error) {
	conn, err := f.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'm')`).Scan(&bytes)
	return bytes, err
}

// Address is the name of the database and where its server is, for people.
func (f CustomerServer) Address() (string, error) {
	c, err := pgx.ParseConfig(f.DSN)
	if err != nil {
		return "", fmt.Errorf("reading the connection string: %w", err)
	}
	return fmt.Sprintf("%s on %s:%d", c.Database, c.Host, c.Port), nil
}

// OtherTables are the tables in the schema of our tables that are not ours.
func (f CustomerServer) OtherTables(ctx context.Context, ours []string) ([]string, error) {
	conn, err := f.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
		AND NOT relname::text = ANY($1) ORDER BY relname`, ours)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Migration is the last migration of a recovered database.
func Migration(ctx context.Context, p Product, s *scratch.Client) (int, error) {
	conn, err := openRecovered(ctx, s.OwnerDSN())
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return p.Migration(ctx, conn)
}
