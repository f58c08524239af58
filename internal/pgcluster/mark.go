package pgcluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// markedTable bears the mark of a restore that is neither confirmed nor undone, as its
// comment: our tables belong to our role, the schema perhaps does not; the table is
// there since the first migration, and a table more would have to be told from those
// of others. While it has one the product deletes no pictures, because the data that
// was put aside may name them.
const markedTable = "schema_migrations"

// waitingMark is the mark of our own cluster. Its directories tell which restore it is.
const waitingMark = "a restore waits for confirm or undo"

// marking is the statement that marks what was loaded, or takes the mark away.
func marking(namespace, mark string) string {
	value := "NULL"
	if mark != "" {
		value = "'" + mark + "'"
	}
	return "COMMENT ON TABLE " + pgx.Identifier{namespace, markedTable}.Sanitize() + " IS " + value
}

// MarkWaiting marks our tables in the running copy, or takes away a mark from the time
// that it is of.
func (s *Scratch) MarkWaiting(ctx context.Context, waits bool) error {
	mark := ""
	if waits {
		mark = waitingMark
	}
	return setMark(ctx, s.DSN(Database), mark)
}

// Unmark takes the mark of a restore away, if there is one.
func (c *Cluster) Unmark(ctx context.Context) error {
	return setMark(ctx, c.DSN(Owner, Database), "")
}

// Unmark takes the mark of a restore away, if there is one.
func (f CustomerServer) Unmark(ctx context.Context) error { return setMark(ctx, f.DSN, "") }

func setMark(ctx context.Context, dsn, mark string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var namespace, present string
	err = conn.QueryRow(ctx, "SELECT coalesce(current_schema(), ''), coalesce(obj_description(to_regclass($1), 'pg_class'), '')", markedTable).Scan(&namespace, &present)
	if err == nil && present != mark {
		_, err = conn.Exec(ctx, marking(namespace, mark))
	}
	if err != nil {
		return fmt.Errorf("marking whether a restore waits: %w", err)
	}
	return nil
}
