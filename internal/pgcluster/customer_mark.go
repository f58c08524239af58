package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// loadLock is the key of the advisory lock that a load into a schema holds until its
// transaction has ended.
func loadLock(namespace string) int64 {
	h := fnv.New64a()
	h.Write([]byte("bugspark load " + namespace)) // never fails
	return int64(h.Sum64())
}

// Mark returns what the last load that was committed has marked our tables with. It
// waits 10 seconds for a load whose transaction has not ended: a server goes on with a
// commit when its client is gone, as long as a standby makes it wait.
func (f CustomerServer) Mark(ctx context.Context) (mark string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, f.DSN)
	if err != nil {
		return "", fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Otherwise the snapshot could be from before the wait.
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return "", fmt.Errorf("asking which restore the database holds: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after the commit it does nothing
	_, err = tx.Exec(ctx, "SET LOCAL lock_timeout = '10s'")
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", loadLock(f.Namespace))
	}
	const lockNotAvailable = "55P03"
	if p := (*pgconn.PgError)(nil); errors.As(err, &p) && p.Code == lockNotAvailable {
		return "", fault.Wrap(fault.Failed, err, "run there: SELECT * FROM pg_stat_activity, and run the command again when it has ended", "a restore still runs on the database server")
	}
	if err == nil {
		err = tx.QueryRow(ctx, "SELECT coalesce(obj_description(to_regclass($1), 'pg_class'), '')", pgx.Identifier{f.Namespace, markedTable}.Sanitize()).Scan(&mark)
	}
	if err != nil {
		return "", fmt.Errorf("asking which restore the database holds: %w", err)
	}
	return mark, nil
}
