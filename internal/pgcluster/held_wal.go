package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// heldWAL keeps the server from removing the WAL that a base backup sends at its
// end: without it a copy that lasts longer than the next checkpoints fails there. It
// is a temporary slot, which PostgreSQL drops with its session, however that ends.
// pg_basebackup holds a slot of its own only while it streams the WAL, which it
// cannot do into one tar stream.
type heldWAL struct {
	upstream Upstream
	lost     func() // called once the WAL is not kept any more
	stop     context.CancelFunc

	mu     sync.Mutex
	conn   *pgx.Conn
	server time.Time // when it was started
	err    error     // why the WAL is not kept any more
	over   bool      // it was released
}

// heldInterval is how often a copy looks whether its WAL is kept. It also keeps
// firewalls from forgetting the connection.
const heldInterval = 10 * time.Second

// hold reserves the WAL from the last checkpoint on, until release.
func (u Upstream) hold(ctx context.Context, lost func()) (*heldWAL, error) {
	h := &heldWAL{upstream: u, lost: lost}
	var err error
	if h.conn, err = u.connect(ctx); err != nil {
		return nil, err
	}
	watched, stop := context.WithCancel(ctx)
	h.stop = stop
	if err := h.reserve(ctx); err != nil {
		h.release()
		return nil, err
	}
	go h.watch(watched)
	return h, nil
}

func (h *heldWAL) reserve(ctx context.Context) error {
	if err := h.conn.QueryRow(ctx, "SELECT pg_postmaster_start_time()").Scan(&h.server); err != nil {
		return fmt.Errorf("asking the database for its start: %w", err)
	}
	_, err := h.conn.Exec(ctx, "SET idle_session_timeout = 0")
	if err == nil {
		_, err = h.conn.Exec(ctx, "SELECT pg_create_physical_replication_slot('bugspark_copy_' || pg_backend_pid(), true, true)")
	}
	if full := (*pgconn.PgError)(nil); errors.As(err, &full) && full.Code == "53400" { // configuration_limit_exceeded
		return fault.Wrap(fault.Failed, err, h.upstream.toSet("max_replication_slots", "10")+" and restart the server", "a copy of the database needs a replication slot for as long as it lasts")
	}
	if err != nil {
		return fmt.Errorf("keeping the WAL of the copy: %w", err)
	}
	return nil
}

func (h *heldWAL) watch(ctx context.Context) {
	tick := time.NewTicker(heldInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if h.check(ctx) != nil && ctx.Err() == nil {
			h.lost()
			return
		}
	}
}

// check tells why the WAL is not kept any more, nil while it is.
func (h *heldWAL) check(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil || h.over {
		return h.err
	}
	ctx, cancel := context.WithTimeout(ctx, heldInterval)
	defer cancel()
	kept := false
	err := h.conn.QueryRow(ctx, `SELECT coalesce(bool_or(wal_status <> 'lost'), false) FROM pg_replication_slots
		WHERE slot_name = 'bugspark_copy_' || pg_backend_pid()`).Scan(&kept)
	if err == nil && !kept {
		err = errors.New("the slot was invalidated")
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		h.err = h.because(context.WithoutCancel(ctx), err)
	}
	return h.err
}

// because tells apart why the session that kept the WAL has ended. PostgreSQL ends
// it to invalidate its slot.
func (h *heldWAL) because(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, heldInterval)
	defer cancel()
	failed := fmt.Errorf("the session that keeps the WAL of the copy has ended: %w", cause)
	conn, err := h.upstream.connect(ctx)
	if err != nil {
		return errors.Join(failed, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var bound string
	var server time.Time
	if err := conn.QueryRow(ctx, "SELECT current_setting('max_slot_wal_keep_size'), pg_postmaster_start_time()").Scan(&bound, &server); err != nil {
		return errors.Join(failed, err)
	}
	if bound == "-1" || !server.Equal(h.server) {
		return failed
	}
	return fault.Wrap(fault.Failed, cause, "use a faster target, or "+h.upstream.toSet("max_slot_wal_keep_size", "SIZE")+", if its disk has that room",
		"while it was copied, the database wrote more WAL than it keeps for backups (max_slot_wal_keep_size = %s), and the copy was ended", bound)
}

// explain replaces the error of a copy whose WAL was not kept by the cause.
func (h *heldWAL) explain(err error) error {
	if lost := h.check(context.Background()); lost != nil {
		return lost
	}
	return err
}

// release lets the server remove the WAL. It may be repeated.
func (h *heldWAL) release() {
	h.stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = h.conn.Close(ctx) // the server notices its end as well
}
