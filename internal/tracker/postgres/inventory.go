package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Inventory answers what a backup must know of a database: how many rows there
// are, which objects they name, and when the database was last alive. It also
// reads databases of earlier schemas, because a set may be older than the program.
type Inventory struct{}

// inventoryTable is a table whose loss somebody would notice.
type inventoryTable struct {
	name        string
	since       int      // the migration that creates it
	pictureKeys []string // columns with the key of an object that must exist while the row does
}

func inventoryTables() []inventoryTable {
	return []inventoryTable{
		{"accounts", 1, nil},
		{"projects", 2, nil},
		{"pictures", 2, []string{"key"}},
		{"reports", 3, []string{"screenshot_key", "annotated_screenshot_key"}},
	}
}

// Migration returns the version of the last migration, 0 where there was none.
func (Inventory) Migration(ctx context.Context, conn *pgx.Conn) (int, error) {
	var exists bool
	if err := conn.QueryRow(ctx, schemaExists).Scan(&exists); err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	if !exists {
		return 0, nil
	}
	var version int
	err := conn.QueryRow(ctx, `SELECT version FROM schema_migrations LIMIT 1`).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return version, nil
}

// tables lists the tables that exist at the database's schema.
func (i Inventory) tables(ctx context.Context, conn *pgx.Conn) ([]inventoryTable, error) {
	version, err := i.Migration(ctx, conn)
	if err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, errors.New("the database has no tables of BugSpark")
	}
	return slices.DeleteFunc(inventoryTables(), func(t inventoryTable) bool { return t.since > version }), nil
}

// Rows counts the rows of every table whose loss somebody would notice.
func (i Inventory) Rows(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	tables, err := i.tables(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows := map[string]int64{}
	for _, table := range tables {
		var n int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{table.name}.Sanitize()).Scan(&n); err != nil {
			return nil, fmt.Errorf("counting %s: %w", strconv.Quote(table.name), err)
		}
		rows[table.name] = n
	}
	return rows, nil
}

// PictureKeys calls visit once for every object key that a row names.
func (i Inventory) PictureKeys(ctx context.Context, conn *pgx.Conn, visit func(key string) error) error {
	tables, err := i.tables(ctx, conn)
	if err != nil {
		return err
	}
	var selects []string
	for _, table := range tables {
		for _, key := range table.pictureKeys {
			key = pgx.Identifier{key}.Sanitize()
			selects = append(selects, "SELECT "+key+" FROM "+pgx.Identifier{table.name}.Sanitize()+" WHERE "+key+" IS NOT NULL")
		}
	}
	if len(selects) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, strings.Join(selects, " UNION "))
	if err != nil {
		return fmt.Errorf("listing the pictures that the database names: %w", err)
	}
	var key string
	_, err = pgx.ForEachRow(rows, []any{&key}, func() error { return visit(key) })
	return err
}

// deletedPictures is the migration from which on a deleted picture tells when it came.
const deletedPictures = 5

// The WAL of a picture that was deleted again before anybody asked names it as well, and
// its object outlives it.
const (
	picturesSince            = `SELECT key FROM pictures WHERE created_at >= $1 ORDER BY created_at`
	picturesSinceWithDeleted = `SELECT key FROM (
	SELECT key, created_at FROM pictures WHERE created_at >= $1
	UNION ALL SELECT key, created_at FROM object_tombstones WHERE created_at >= $1
) p ORDER BY created_at`
)

// PicturesSince returns the keys of pictures recorded at or after a moment,
// oldest first.
func (i Inventory) PicturesSince(ctx context.Context, conn *pgx.Conn, since time.Time) ([]string, error) {
	version, err := i.Migration(ctx, conn)
	if err != nil {
		return nil, err
	}
	query := picturesSince
	if version >= deletedPictures {
		query = picturesSinceWithDeleted
	}
	rows, err := conn.Query(ctx, query, since)
	if err != nil {
		return nil, fmt.Errorf("listing new pictures: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("listing new pictures: %w", err)
	}
	return keys, nil
}

// Heartbeat returns the last time that WriteHeartbeat stored; everything that
// was committed before it is in the database. It is the zero time where the
// database is older than the heartbeat's table.
func (Inventory) Heartbeat(ctx context.Context, conn *pgx.Conn) (time.Time, error) {
	var at time.Time
	var exists bool
	err := conn.QueryRow(ctx, `SELECT to_regclass('backup_beat') IS NOT NULL`).Scan(&exists)
	if err == nil && exists {
		err = conn.QueryRow(ctx, `SELECT at FROM backup_beat`).Scan(&at)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the heartbeat: %w", err)
	}
	return at, nil
}

// The heartbeat is written about once a minute, however often it is asked for:
// each write keeps a WAL file from being empty. One from the future is left by a
// clock that was set back, and is replaced.
const writeHeartbeat = `UPDATE backup_beat SET at = now() WHERE at < now() - interval '55 seconds' OR at > now()`

// WriteHeartbeat stores the server's time if the last heartbeat is a minute old.
func (Inventory) WriteHeartbeat(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, writeHeartbeat); err != nil {
		return fmt.Errorf("writing the heartbeat: %w", err)
	}
	return nil
}

// Tables returns Tables, so that an Inventory alone suffices.
func (Inventory) Tables() ([]string, error) { return Tables() }
