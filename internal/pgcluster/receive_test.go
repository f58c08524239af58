package pgcluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// receive runs a receiver until stop, and asks done until it holds.
func (p place) receive(t *testing.T, spool string) (stop func()) {
	t.Helper()
	r := &pgcluster.Receiver{
		Upstream: p.cluster().Upstream(), Spool: spool, Limit: 1 << 30, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		RequestSet: func(string) error { return nil },
		Arrived:    func(string, uint32, time.Time) error { return nil },
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// received waits until the spool has all that the server has flushed.
func (p place) received(t *testing.T) {
	t.Helper()
	flushed := p.query(t, pgcluster.Superuser, "postgres", "SELECT pg_current_wal_flush_lsn()::text")
	for end := time.Now().Add(2 * time.Minute); p.query(t, pgcluster.Superuser, "postgres",
		"SELECT coalesce(bool_or(active AND restart_lsn >= '"+flushed+"'), false)::text FROM pg_replication_slots WHERE slot_name = 'bugspark'") != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the WAL up to %s is not received", flushed)
		}
	}
}

// TestReceivingGoesOnAfterAFullDisk leaves in the spool what a full disk or a power
// cut does, and expects every segment whole.
func TestReceivingGoesOnAfterAFullDisk(t *testing.T) {
	t.Parallel()
	p := busy(t, "")
	spool := filepath.Join(p.Dir, "spool")
	stop := p.receive(t, spool)
	for range 3 {
		p.received(t)
		stop()
		partial := only(t, filepath.Join(spool, "*", "*", "*.partial"))
		if err := os.Truncate(partial, 5<<20); err != nil {
			t.Fatal(err)
		}
		p.write(t)
		p.write(t)
		stop = p.receive(t, spool)
	}
	p.received(t)
	stop()
	segments, err := filepath.Glob(filepath.Join(spool, "*", "*", "????????????????????????"))
	if err != nil || len(segments) < 12 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	first, err := strconv.ParseUint(filepath.Base(segments[0])[8:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	for i, segment := range segments {
		name := filepath.Base(segment)
		if want := fmt.Sprintf("00000001%016X", first+uint64(i)); name != want {
			t.Errorf("%s follows instead of %s", name, want)
		}
		// A segment that was not received again begins with zeros.
		data, err := os.ReadFile(segment)
		if err != nil || len(data) != 16<<20 || data[0] == 0 {
			t.Errorf("segment %s has %d bytes, %v", name, len(data), err)
		}
	}
}

func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// TestANearlyFullDiskIsLeftToTheDatabase has the spool full and then the disk of the
// server: the slot goes, and comes back once there is room.
func TestANearlyFullDiskIsLeftToTheDatabase(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root mounts a small disk")
	}
	p := busy(t, "")
	disk := filepath.Join(p.Dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=80m", "none", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", disk).Run() })
	options := p.cluster().Options
	options.StateDir = disk
	up := pgcluster.New(options).Upstream()
	spool, requests := filepath.Join(p.Dir, "spool"), make(chan string, 100)
	r := &pgcluster.Receiver{Upstream: up, Spool: spool, Limit: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		RequestSet: func(why string) error { requests <- why; return nil }, Arrived: func(string, uint32, time.Time) error { return nil }}
	run := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		return func() { cancel(); <-ended }
	}
	slots := func(want string) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); p.query(t, pgcluster.Superuser, "postgres", "SELECT count(*)::text FROM pg_replication_slots") != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("there are not %s slots", want)
			}
		}
	}
	stop := run()
	slots("1")
	if err := os.WriteFile(filepath.Join(disk, "filler"), make([]byte, 30<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	slots("0")
	stop()
	if r.Limit = 1 << 30; len(requests) != 1 {
		t.Errorf("%d requests", len(requests))
	}
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	stop = run()
	slots("1")
	p.received(t)
	stop()
	if len(requests) != 2 {
		t.Errorf("%d requests in the end", len(requests))
	}
}
