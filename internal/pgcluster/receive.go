package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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
	Limit    int64  // bytes of the spool beyond which it waits
	Log      *slog.Logger
	// RequestSet is called when only a new set can continue the archive.
	RequestSet func(why string) error
}

// Run receives until ctx ends. It waits for a database that goes away.
func (r *Receiver) Run(ctx context.Context) error {
	last := ""
	for ctx.Err() == nil {
		began := time.Now()
		err := r.receive(ctx)
		if time.Since(began) > time.Minute {
			last = "" // it went well for a while
		}
		switch {
		case err == nil || ctx.Err() != nil:
		case err.Error() != last: // the journal gets each error once
			last = err.Error()
			r.Log.Warn("receiving WAL was interrupted and is tried again", "error", err)
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
	if full, err := r.full(dir, r.Limit); err != nil || full {
		if full {
			err = fault.New(fault.Failed, "see why the archive takes no WAL: bugspark status", "the WAL spool is full")
			r.rest(ctx, dir)
		}
		return err
	}
	up := r.Upstream
	server, err := up.running(ctx)
	if err != nil {
		return err
	}
	said := &tail{}
	cmd := command(ctx, server.program("pg_receivewal"), append(up.env, "PGAPPNAME="+receiverName), "--dbname="+up.shown,
		"--directory="+dir, "--slot="+up.Slot, "--synchronous", "--status-interval=1", "--no-loop", "--no-password")
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	// Otherwise it would outlive this process and hold the slot.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := cmd.Start(); err != nil {
		return fault.Wrap(fault.Failed, err, up.programs.install(server.Major), "starting pg_receivewal")
	}
	watched, stop := context.WithCancel(ctx)
	go r.watch(watched, dir, cmd.Process)
	err = cmd.Wait()
	stop()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("pg_receivewal: %w: %s", err, lastLines(said.bytes()))
	}
	return nil
}

// watch ends pg_receivewal when the spool is full.
func (r *Receiver) watch(ctx context.Context, dir string, p *os.Process) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if full, err := r.full(dir, r.Limit); err == nil && full {
			_ = p.Signal(syscall.SIGINT) // it may have ended by itself
			return
		}
	}
}

// rest waits until a fifth of the spool is free again.
func (r *Receiver) rest(ctx context.Context, dir string) {
	r.Log.Error("the WAL spool is full; receiving waits until the archive takes WAL again", "limit", r.Limit)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
		}
		if full, err := r.full(dir, r.Limit*4/5); err != nil || !full {
			return
		}
	}
}

func (r *Receiver) full(dir string, limit int64) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("looking into the WAL spool: %w", err)
	}
	var n int64
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // shipped meanwhile
		}
		if err != nil {
			return false, err
		}
		n += info.Size()
	}
	return n >= limit, nil
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
	var timeline int64
	err = conn.QueryRow(ask, `SELECT system_identifier::text,
		coalesce((SELECT coalesce(wal_status, 'lost') FROM pg_replication_slots WHERE slot_name = $1), 'absent'),
		(SELECT timeline_id FROM pg_control_checkpoint()) FROM pg_control_system()`, slot).Scan(&system, &state, &timeline)
	if err != nil {
		return "", fmt.Errorf("asking for the replication slot: %w", err)
	}
	dir = filepath.Join(r.Spool, system, fmt.Sprintf("%08X", timeline))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the WAL spool: %w", err)
	}
	if err := endOthers(dir); err != nil {
		return "", err
	}
	if state != "lost" && state != "absent" {
		return dir, nil
	}
	if err := cutPartials(dir); err != nil {
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
