package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// DSN is the connection string for a role on the cluster's socket.
func (c *Cluster) DSN(role, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {c.SocketDir}, "port": {"5432"}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Provision waits for the server and makes the roles, the database and its
// schema. It may be repeated; what is there is brought to the same rights.
func (c *Cluster) Provision(ctx context.Context) error {
	admin, err := c.connect(ctx, Superuser, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	for _, role := range []string{Owner, Writer, Backup} {
		if err := create(ctx, admin, `SELECT FROM pg_roles WHERE rolname = $1`, `CREATE ROLE %s LOGIN`, role); err != nil {
			return err
		}
	}
	if err := create(ctx, admin, `SELECT FROM pg_database WHERE datname = $1`, `CREATE DATABASE %s OWNER `+Owner, Database); err != nil {
		return err
	}
	if err := run(ctx, admin,
		// Rights that somebody has added to a role are taken back.
		`ALTER ROLE bugspark LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`,
		`ALTER ROLE bugspark_api LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`,
		`ALTER ROLE bugspark_backup LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS`,
		`GRANT pg_read_all_data, pg_read_all_stats TO bugspark_backup`,
		`ALTER DATABASE bugspark OWNER TO bugspark`,
		// Unqualified names mean our schema for every role.
		`ALTER DATABASE bugspark SET search_path = bugspark`,
		`REVOKE ALL ON DATABASE bugspark, postgres, template1 FROM PUBLIC`,
		`GRANT CONNECT ON DATABASE bugspark TO bugspark_api, bugspark_backup`,
	); err != nil {
		return err
	}

	db, err := c.connect(ctx, Superuser, Database)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	return run(ctx, db,
		`CREATE SCHEMA IF NOT EXISTS bugspark AUTHORIZATION bugspark`,
		`ALTER SCHEMA bugspark OWNER TO bugspark`,
		`GRANT USAGE ON SCHEMA bugspark TO bugspark_api`,
		`REVOKE ALL ON SCHEMA public FROM PUBLIC`,
	)
}

// Check proves that the server answers.
func (c *Cluster) Check(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.DSN(Superuser, "postgres"))
	if err != nil {
		return fault.Wrap(fault.Failed, err, "journalctl -u "+service, "PostgreSQL does not answer in %s", c.SocketDir)
	}
	return conn.Close(ctx)
}

// connect retries while the server starts or recovers, until ctx ends: the
// unit's time limit is the only one.
func (c *Cluster) connect(ctx context.Context, role, database string) (*pgx.Conn, error) {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		conn, err := pgx.Connect(ctx, c.DSN(role, database))
		if err == nil {
			return conn, nil
		}
		if !starting(err) || ctx.Err() != nil {
			return nil, fault.Wrap(fault.Failed, err, "journalctl -u "+service, "connecting to PostgreSQL in %s as %s", c.SocketDir, role)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// starting tells whether the server only starts, so that it is worth trying again.
func starting(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == cannotConnectNow // it starts, or recovers
	}
	var op *net.OpError
	return errors.As(err, &op) && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist))
}

// create runs a CREATE for a name of ours unless it is there already. Neither
// kind has an IF NOT EXISTS.
func create(ctx context.Context, conn *pgx.Conn, there, statement, name string) error {
	tag, err := conn.Exec(ctx, there, name)
	if err == nil && tag.RowsAffected() == 0 {
		_, err = conn.Exec(ctx, fmt.Sprintf(statement, name))
	}
	if err != nil {
		return fmt.Errorf("provisioning %s: %w", name, err)
	}
	return nil
}

func run(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("provisioning the database: %s: %w", statement, err)
		}
	}
	return nil
}
