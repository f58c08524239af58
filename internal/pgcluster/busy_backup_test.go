package pgcluster_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// busy is a cluster that keeps as little WAL as PostgreSQL can, with more settings
// of the administrator's.
func busy(t *testing.T, settings string) place {
	t.Helper()
	p := newPlace(t)
	override := filepath.Join(p.Dir, "override")
	if err := errors.Join(os.Mkdir(override, 0o755), os.WriteFile(filepath.Join(override, "small.conf"),
		[]byte("max_wal_size = '32MB'\nmin_wal_size = '32MB'\nwal_recycle = off\n"+settings), 0o644)); err != nil {
		t.Fatal(err)
	}
	p.must(t, "prepare")
	p.start(t)
	p.must(t, "provision")
	p.sql(t, "CREATE TABLE rows AS SELECT n, repeat(md5(n::text), 20) AS filler FROM generate_series(1, 50000) n")
	p.sql(t, "CREATE TABLE load (body text)")
	return p
}

func (p place) sql(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := p.exec(t, pgcluster.Superuser, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// write ends two segments, and then the WAL that nobody needs.
func (p place) write(t *testing.T) {
	t.Helper()
	p.sql(t, "INSERT INTO load VALUES ('x')", "SELECT pg_switch_wal()", "INSERT INTO load VALUES ('x')", "SELECT pg_switch_wal()", "CHECKPOINT")
}

// TestABaseBackupOutlastsCheckpoints reads so slowly that the server would have
// removed the WAL of the copy's begin several times over.
func TestABaseBackupOutlastsCheckpoints(t *testing.T) {
	t.Parallel()
	p := busy(t, "")
	b, err := p.cluster().BaseBackup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := io.CopyN(io.Discard, b, 3<<20); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		p.write(t)
	}
	if _, err := io.Copy(io.Discard, b); err != nil {
		t.Fatalf("after four checkpoints: %v", err)
	}
	if _, err := b.Extent(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	// The server takes the slot away when it notices that the connection has ended.
	slots := func() string {
		return p.query(t, pgcluster.Superuser, "postgres", "SELECT count(*)::text FROM pg_replication_slots")
	}
	for end := time.Now().Add(time.Minute); slots() != "0"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s slots are left", slots())
		}
	}
}

// TestABaseBackupSaysWhichBoundEndedIt has the server give up the WAL of a copy whose
// reader goes on, and of one whose reader waits for a target.
func TestABaseBackupSaysWhichBoundEndedIt(t *testing.T) {
	t.Parallel()
	p := busy(t, "max_slot_wal_keep_size = '48MB'\n")
	for name, after := range map[string]func(b *pgcluster.BaseBackup) error{
		"read on": func(b *pgcluster.BaseBackup) error { _, err := io.Copy(io.Discard, b); return err },
		"waited":  func(b *pgcluster.BaseBackup) error { _, err := b.Extent(); return err },
	} {
		b, err := p.cluster().BaseBackup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if _, err := io.CopyN(io.Discard, b, 3<<20); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			p.write(t)
		}
		err = after(b)
		said := fmt.Sprint(err, fault.Hints(err))
		for _, want := range []string{"max_slot_wal_keep_size", "48MB", filepath.Join(p.Dir, "override")} {
			if err == nil || !strings.Contains(said, want) {
				t.Errorf("%s: it does not name %q: %s", name, want, said)
			}
		}
		if _, err := b.Extent(); err == nil {
			t.Errorf("%s: it has an extent", name)
		}
	}
}
