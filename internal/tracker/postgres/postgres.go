// Package postgres keeps the tracker's data in PostgreSQL: one file per entity,
// each statement a constant beside its function.
//
// Methods return a *tracker.Error with code NotFound for a row that does not exist
// and Unavailable when the database does not answer in time.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bugspark/bugspark/internal/fault"
)

// Options say which database to open.
type Options struct {
	// DSN is the connection string of an external database; when it is empty,
	// Host (the directory of PostgreSQL's socket), Role and Database are used.
	DSN      string
	Host     string
	Role     string
	Database string // empty: "bugspark"

	// Pool is the largest number of connections for everything but incoming
	// reports, which have one of their own. Zero means 8.
	Pool int

	// SubmitTimeout is how long a new report waits for a database that does not
	// answer before its sender gets an error. Zero means ten seconds.
	SubmitTimeout time.Duration

	Log *slog.Logger
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	ingest *ingester
	config *pgx.ConnConfig
	log    *slog.Logger
}

// A statement that takes longer than statementTimeout, or waits longer for a lock
// than lockTimeout, fails, so that it does not keep a connection of the pool.
const (
	statementTimeout = 15 * time.Second
	lockTimeout      = 5 * time.Second
	connectTimeout   = 5 * time.Second
)

// Open prepares a store. It does not connect, so that a service may start
// before its database: Ping tells when it answers.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Pool == 0 {
		o.Pool = 8
	}
	if o.SubmitTimeout == 0 {
		o.SubmitTimeout = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	config, err := poolConfig(o)
	if err != nil {
		return nil, err
	}
	reports := config.Copy()
	config.MaxConns = int32(o.Pool)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	ingest, err := newIngester(ctx, reports, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool, ingest: ingest, config: config.ConnConfig, log: o.Log}, nil
}

func poolConfig(o Options) (*pgxpool.Config, error) {
	// With an empty connection string pgx reads PG* variables, so every parameter is
	// set below. A customer's DSN may use those variables.
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		// pgx's message contains the string with its password masked.
		return nil, fault.Wrap(fault.Preflight, err, "correct the credential database-dsn (postgres://user:password@host/database)",
			"reading the database's connection string")
	}
	c := config.ConnConfig
	if o.DSN == "" {
		c.Host, c.User, c.Database = o.Host, o.Role, o.Database
		c.Port, c.Password, c.TLSConfig, c.Fallbacks = 5432, "", nil, nil
		if c.Database == "" {
			c.Database = "bugspark"
		}
	}
	c.ConnectTimeout = connectTimeout
	for name, value := range map[string]string{
		"application_name":                    "bugspark",
		"timezone":                            "UTC",
		"statement_timeout":                   milliseconds(statementTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(statementTimeout),
		"jit":                                 "off", // statements are short, and our server forbids writable code
	} {
		c.RuntimeParams[name] = value
	}
	config.MaxConnIdleTime = 5 * time.Minute
	return config, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Close stores the reports that wait and closes every connection.
func (s *Store) Close() {
	s.ingest.close()
	s.pool.Close()
}

// Ping proves that the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return failed("asking the database for a sign of life", err)
	}
	return nil
}

// MayMigrate tells whether the role of the connection may create what migrations create,
// and names it and its database.
func (s *Store) MayMigrate(ctx context.Context) (may bool, role, database string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), current_user::text, current_database()::text`).Scan(&may, &role, &database)
	return may, role, database, failed("asking for the rights of the role", err)
}

// inTx runs f in one transaction and commits it.
func (s *Store) inTx(ctx context.Context, doing string, f func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, s.pool, f); err != nil {
		return failed(doing, err)
	}
	return nil
}
