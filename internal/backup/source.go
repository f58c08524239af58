package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup/archive"
)

// Source is a server as a shipper of its WAL sees it. It keeps one connection
// and is not for concurrent use.
type Source struct {
	Product Product
	DSN     string // of a role that may read our tables and write the heartbeat
	Slot    string // that the WAL is received by
	conn    *pgx.Conn
}

var _ archive.Source = (*Source)(nil)

// queryTimeout bounds each question: a row that another session has locked must
// not keep the WAL from being shipped.
const queryTimeout = 10 * time.Second

// query runs f on the connection, and closes one on which f failed.
func (s *Source) query(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if s.conn == nil {
		conn, err := pgx.Connect(ctx, s.DSN)
		if err != nil {
			return fmt.Errorf("reaching the database: %w", err)
		}
		s.conn = conn
	}
	if err := f(ctx, s.conn); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// Close ends the connection; the next question opens another one.
func (s *Source) Close() error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.conn.Close(ctx)
	s.conn = nil
	return err
}

// System is the system identifier of the cluster.
func (s *Source) System(ctx context.Context) (id string, err error) {
	err = s.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&id)
	})
	return id, err
}

// Position is the timeline and the end of the WAL that the server has flushed.
func (s *Source) Position(ctx context.Context) (timeline uint32, lsn string, err error) {
	err = s.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::bigint, pg_current_wal_flush_lsn()::text`).Scan(&timeline, &lsn)
	})
	return timeline, lsn, err
}

// Heartbeat writes a heartbeat, and reports whether the receiver has all WAL that
// was flushed until now. The end of the WAL in the spool would not tell, because
// records may end in zeros like the rest of a segment.
func (s *Source) Heartbeat(ctx context.Context) (spooled bool, err error) {
	err = s.query(ctx, func(ctx context.Context, c *pgx.Conn) error {
		if err := s.Product.WriteHeartbeat(ctx, c); err != nil {
			return err
		}
		var flushed string
		if err := c.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&flushed); err != nil {
			return err
		}
		// Every role may see the slot, which is where the receiver has synced to. On a
		// busy server that is a moment behind.
		for range 20 {
			err := c.QueryRow(ctx, `SELECT coalesce(bool_or(active AND restart_lsn >= $1::text::pg_lsn), false) FROM pg_replication_slots
				WHERE slot_name = $2`, flushed, s.Slot).Scan(&spooled)
			if err != nil || spooled {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})
	return spooled, err
}

// Pictures are the keys of rows since a moment.
func (s *Source) Pictures(ctx context.Context, since time.Time) (keys []string, err error) {
	err = s.query(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
		keys, err = s.Product.PicturesSince(ctx, c, since)
		return err
	})
	return keys, err
}
