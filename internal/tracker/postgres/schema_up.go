package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"github.com/golang-migrate/migrate/v4"
	driver "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/bugspark/bugspark/internal/fault"
)

// migrationLock is the key of the advisory lock for migrating: "bugspark" in ASCII.
const migrationLock int64 = 0x627567737061726b

// migrationTimeout is how long Up waits for another process to finish migrating.
const migrationTimeout = 2 * time.Minute

// schema_history gets its row in the transaction of the migration itself, so
// after an interruption it tells what the dirty flag cannot: whether the
// migration was committed.
const createHistory = `CREATE TABLE IF NOT EXISTS schema_history (
	version    bigint PRIMARY KEY,
	name       text NOT NULL,
	sha256     text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`

// Up applies what is pending and returns the names of what it applied. Two
// processes at once take turns. It finishes an interrupted migration and
// refuses a schema newer than it knows.
func (s *Schema) Up(ctx context.Context) (applied []string, err error) {
	config := s.config.Copy()
	config.RuntimeParams = maps.Clone(config.RuntimeParams)
	config.RuntimeParams["statement_timeout"] = "0" // a migration may take any time
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"

	// The lock has its own connection: golang-migrate's lock waits without a deadline
	// and may be taken after its caller gave up.
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, failed("connecting to migrate", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := waitForLock(ctx, conn); err != nil {
		return nil, err
	}
	before, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	if before.Version > before.Newest {
		return nil, errNewer(before)
	}
	if len(before.Pending) == 0 {
		return nil, nil
	}
	if _, err := conn.Exec(ctx, createHistory); err != nil {
		return nil, failed("preparing the migration history", err)
	}
	if err := s.run(ctx, conn, config, before); err != nil {
		return nil, fault.Wrap(fault.Failed, err, "run 'bugspark migrate status', and 'bugspark migrate up' once the cause is gone", "migrating the database")
	}
	return before.Pending, nil
}

func waitForLock(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, migrationTimeout)
	defer cancel()
	for {
		var locked bool
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, migrationLock).Scan(&locked)
		if err == nil && locked {
			return nil
		}
		if err == nil {
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return fault.Wrap(fault.Failed, err, "ask who holds it: SELECT * FROM pg_locks WHERE locktype = 'advisory'",
			"waiting for another process that migrates this database")
	}
}

func (s *Schema) run(ctx context.Context, conn *pgx.Conn, config *pgx.ConnConfig, before SchemaStatus) error {
	files, err := iofs.New(s.files, ".")
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	db := stdlib.OpenDB(*config)
	target, err := driver.WithInstance(db, &driver.Config{})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	m, err := migrate.NewWithInstance("embedded", recorded{files}, "pgx5", target)
	if err != nil {
		return errors.Join(err, target.Close())
	}
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-ctx.Done():
			m.GracefulStop <- true // after the migration under way; buffered by one
		case <-finished:
		}
	}()
	err = nil
	if before.Dirty {
		err = resolveDirty(ctx, conn, m, before.Version)
	}
	if err == nil {
		err = m.Up()
	}
	if errors.Is(err, migrate.ErrNoChange) {
		err = nil
	}
	fromSource, fromTarget := m.Close()
	return errors.Join(err, ctx.Err(), fromSource, fromTarget)
}

// resolveDirty clears the dirty flag: the version was committed if and only if
// schema_history has its row.
func resolveDirty(ctx context.Context, conn *pgx.Conn, m *migrate.Migrate, version uint) error {
	var committed bool
	var previous *int
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM schema_history WHERE version = $1), (SELECT max(version) FROM schema_history WHERE version < $1)`,
		version).Scan(&committed, &previous)
	if err != nil {
		return fmt.Errorf("reading the migration history: %w", err)
	}
	truth := -1 // golang-migrate's name for an empty database
	switch {
	case committed:
		truth = int(version)
	case previous != nil:
		truth = *previous
	}
	return m.Force(truth)
}

// recorded is a source whose migrations write their own history. It relies on
// PostgreSQL running a query of several statements as one transaction, which
// migrations without BEGIN and COMMIT keep true.
type recorded struct{ source.Driver }

func (r recorded) ReadUp(version uint) (io.ReadCloser, string, error) {
	file, name, err := r.Driver.ReadUp(version)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, "", fmt.Errorf("reading migration %d: %w", version, err)
	}
	history := fmt.Sprintf("\n;\nINSERT INTO schema_history (version, name, sha256) VALUES (%s, '%s', '%x');\n",
		strconv.FormatUint(uint64(version), 10), name, sha256.Sum256(text))
	return io.NopCloser(bytes.NewReader(append(text, history...))), name, nil
}
