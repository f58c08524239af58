package pgcluster

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// receiverName is how the receiver is called in pg_stat_replication.
const receiverName = "bugspark_walstream"

// Receiver receives WAL into a spool as it is written, by pg_receivewal. When the
// spool is full it stops, and PostgreSQL invalidates the slot before its own disk is
// full: the database is more important than the archive.
type Receiver struct {
	Upstream Upstream
	Spool    string // SYSTEM/TIMELINE below it are the directories of pg_receivewal
	Limit    int64  // bytes of the spool beyond which it waits; it waits earlier when the disk is small
	Reserve  int64  // bytes that the server's users need free on the disk of the spool and of our own server
	Log      *slog.Logger
	// RequestSet is called when only a new set can continue the archive.
	RequestSet func(why string) error
	// Arrived is told, before any WAL of a timeline is received into dir, that the server
	// is on it, and since when at the latest.
	Arrived func(dir string, timeline uint32, since time.Time) error

	claim int64 // bytes of WAL that the server may have without asking anybody
}

// Run receives until ctx ends. It waits for a database that goes away.
func (r *Receiver) Run(ctx context.Context) error {
	last, well := "", time.Now()
	for ctx.Err() == nil {
		began := time.Now()
		err := r.receive(ctx)
		if time.Since(began) > time.Minute {
			last, well = "", time.Now() // it went well for a while
		}
		switch {
		case err == nil || ctx.Err() != nil:
		case err.Error() != last: // the journal gets each error once
			last = err.Error()
			r.Log.Warn("receiving WAL was interrupted and is tried again", "error", err)
		}
		if time.Since(well) > time.Minute {
			r.relieve(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// receive runs pg_receivewal until it ends or must.
func (r *Receiver) receive(ctx context.Context) error {
	dir, err := r.ready(ctx)
	if err != nil {
		return err
	}
	if full, err := r.full(1); err != nil || full {
		if full {
			err = fault.New(fault.Failed, "bugspark status tells why the archive takes no WAL", "the WAL spool is full")
			r.rest(ctx)
		}
		return err
	}
	up := r.Upstream
	server, err := up.running(ctx)
	if err != nil {
		return err
	}
	said := &tail{}
	cmd := command(ctx, server.program("pg_receivewal"), append(up.programs.environment(), "PGAPPNAME="+receiverName), "--dbname="+up.shown,
		"--directory="+dir, "--slot="+up.Slot, "--synchronous", "--status-interval=1", "--no-loop", "--no-password")
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	// Otherwise it would outlive this process and hold the slot.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := up.as.start(cmd); err != nil {
		return fault.Wrap(fault.Failed, err, up.programs.install(server.Major), "starting pg_receivewal")
	}
	watched, stop := context.WithCancel(ctx)
	go r.watch(watched, cmd.Process)
	err = cmd.Wait()
	stop()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("pg_receivewal: %w: %s", err, lastLines(said.bytes()))
	}
	return nil
}

// watch ends pg_receivewal when the spool is full.
func (r *Receiver) watch(ctx context.Context, p *os.Process) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if full, err := r.full(1); err == nil && full {
			_ = p.Signal(syscall.SIGINT) // it may have ended by itself
			return
		}
	}
}

// ready makes the slot and the spool's directory. Where the slot is new, the WAL
// before it may be gone, so a new set is wanted.
func (r *Receiver) ready(ctx context.Context) (dir string, err error) {
	ask, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	slot := r.Upstream.Slot
	conn, err := r.Upstream.connect(ask)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var system, state string
	var timeline, kept int64
	var started time.Time
	// The last checkpoint may be of the timeline before; the name of the current WAL
	// file begins with that of now.
	err = conn.QueryRow(ask, `SELECT system_identifier::text,
		coalesce((SELECT coalesce(wal_status, 'lost') FROM pg_replication_slots WHERE slot_name = $1), 'absent'),
		coalesce((SELECT div(restart_lsn - '0/0', 16 << 20)::bigint FROM pg_replication_slots WHERE slot_name = $1 AND wal_status <> 'lost'), $2),
		('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint, pg_postmaster_start_time(),
		(SELECT sum(greatest(setting::bigint, 0))::bigint << 20 FROM pg_settings WHERE name IN ('max_slot_wal_keep_size', 'max_wal_size'))
		FROM pg_control_system()`, slot, int64(math.MaxInt64)).Scan(&system, &state, &kept, &timeline, &started, &r.claim)
	if err != nil {
		return "", fmt.Errorf("asking for the replication slot: %w", err)
	}
	dir = filepath.Join(r.Spool, system, fmt.Sprintf("%08X", timeline))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the WAL spool: %w", err)
	}
	if err := r.Arrived(dir, uint32(timeline), started); err != nil {
		return "", err
	}
	if err := endOthers(dir); err != nil {
		return "", err
	}
	if err := r.heal(dir, uint64(kept)); err != nil {
		return "", err
	}
	if state != "lost" && state != "absent" {
		return dir, nil
	}
	if err := cutPartials(dir); err != nil {
		return "", err
	}
	if scarce, err := r.scarce(); err != nil || scarce {
		if scarce {
			err = fault.New(fault.Failed, "make room on the disk of the database", "no WAL is received, because the disk of the database is nearly full")
		}
		return "", err
	}
	if state == "lost" {
		r.Log.Error("PostgreSQL gave the replication slot up to protect its disk: WAL is missing from the archive from here on")
		if _, err := conn.Exec(ask, "SELECT pg_drop_replication_slot($1)", slot); err != nil {
			return "", fmt.Errorf("dropping the lost replication slot: %w", err)
		}
	}
	if _, err := conn.Exec(ask, "SELECT pg_create_physical_replication_slot($1, true)", slot); err != nil {
		return "", fmt.Errorf("making the replication slot: %w", err)
	}
	r.Log.Info("made the replication slot", "name", slot, "before", state)
	return dir, r.RequestSet("the replication slot was " + state)
}

// endOthers ends what was received of other timelines. A restore and its undo begin a
// new timeline, and pg_receivewal would try to go on where it stopped, with WAL that
// this server may not have.
func endOthers(dir string) error {
	siblings, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return fmt.Errorf("looking into the WAL spool: %w", err)
	}
	for _, e := range siblings {
		if e.IsDir() && e.Name() != filepath.Base(dir) {
			if err := cutPartials(filepath.Join(filepath.Dir(dir), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// cutPartials marks half-written segments as ended: pg_receivewal would go on
// with them, and what follows is not on this server any more.
func cutPartials(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*.partial"))
	if err != nil {
		return err
	}
	for _, path := range found {
		if err := os.Rename(path, strings.TrimSuffix(path, ".partial")+".cut"); err != nil {
			return fmt.Errorf("ending a segment of the WAL spool: %w", err)
		}
	}
	return nil
}
