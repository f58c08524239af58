package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// DropSlot gives the slot of the backups up: they were turned off, and the server
// would keep WAL for them up to its bound. One that is not there is fine.
func (c *Cluster) DropSlot(ctx context.Context) error {
	if _, err := c.Upstream().dropSlot(ctx); err != nil {
		return fault.Wrap(fault.Failed, err, "run 'bugspark apply' again once the database answers", "dropping the replication slot of the backups")
	}
	return nil
}

// dropSlot reports whether there was one.
func (u Upstream) dropSlot(ctx context.Context) (dropped bool, err error) {
	conn, err := u.connect(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for range 20 { // the receiver, which was just stopped, may still hold it
		var tag pgconn.CommandTag
		tag, err = conn.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", u.Slot)
		if held := (*pgconn.PgError)(nil); !errors.As(err, &held) || held.Code != "55006" { // object_in_use
			return err == nil && tag.RowsAffected() > 0, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return false, err
}

// SlotBoundStale tells whether the disk has grown or shrunk since the running server
// was told how much WAL it may keep for the backups. A tenth is left alone, because
// on some file systems the size changes with what others store. An administrator's
// own setting is never stale.
func (c *Cluster) SlotBoundStale(ctx context.Context) (bool, error) {
	conn, err := pgx.Connect(ctx, c.DSN(Superuser, "postgres"))
	if err != nil {
		return false, fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var have, want int
	var file string
	err = conn.QueryRow(ctx, "SELECT setting::int, coalesce(sourcefile, '') FROM pg_settings WHERE name = $1", boundSetting).Scan(&have, &file)
	if err != nil {
		return false, fmt.Errorf("asking for %s: %w", boundSetting, err)
	}
	disk, err := durable.SpaceAt(c.StateDir)
	if err != nil {
		return false, err
	}
	want = slotBoundMiB(disk.Size)
	ours := file == "" || file == filepath.Join(c.DataDir(), "postgresql.conf")
	return ours && (have < 0 || max(have, want)-min(have, want) > max(have, want)/10), nil
}
