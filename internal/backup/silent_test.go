package backup_test

import (
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/archive"
)

// received waits until the spool has what the server has flushed, and returns how
// far that is.
func (c *continuous) received(t *testing.T) archive.LSN {
	t.Helper()
	var flushed string
	if err := c.conn.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&flushed); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		received := false
		err := c.conn.QueryRow(t.Context(), "SELECT coalesce(bool_or(active AND restart_lsn >= $1::text::pg_lsn), false) FROM pg_replication_slots", flushed).Scan(&received)
		if err != nil || time.Now().After(end) {
			t.Fatalf("the WAL up to %s is not received: %v", flushed, err)
		}
		if received {
			break
		}
	}
	lsn, err := archive.ParseLSN(flushed)
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

// TestASilentDatabaseKeepsNoPictureFromTheArchive acknowledges reports, and the
// database dies before the shipper looks.
func TestASilentDatabaseKeepsNoPictureFromTheArchive(t *testing.T) {
	t.Parallel()
	c := newContinuous(t)
	c.picture(t, 0)
	c.ship(t)
	for id := 1; id <= 20; id++ {
		c.picture(t, id)
	}
	flushed := c.received(t)
	if err := c.server.Kill(); err != nil {
		t.Fatal(err)
	}
	c.stop()
	if err := c.shipper.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	const page = 8 << 10 // the end of the WAL may be zeros, which are not counted
	if c.shipper.State.Position+page < flushed {
		t.Errorf("the archive ends at %s, before %s", c.shipper.State.Position, flushed)
	}
	kept, err := c.archive.Pictures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for o, err := range c.objects.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if kept[o.Key].IsZero() {
			t.Errorf("WAL that names picture %s is in the archive, and the picture is not", o.Key)
		}
	}
}
