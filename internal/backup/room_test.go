package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/durable/durabletest"
	"github.com/bugspark/bugspark/internal/fault"
)

func TestWhatStaysFreeForTheLiveDatabase(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct{ volume, want int64 }{
		{2 * gib, 2 * gib / 10}, {8 * gib, 8 * gib / 10}, {10 * gib, gib}, {20 * gib, gib}, {100 * gib, 5 * gib}, {320 * gib, 16 * gib}, {4096 * gib, 16 * gib},
	} {
		if got := reserve(c.volume); got != c.want {
			t.Errorf("of %d MiB: %d MiB, want %d", c.volume>>20, got>>20, c.want>>20)
		}
	}
}

func TestReplayedWALIsCounted(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		rule                string
		replay              bool
		wal, database, want int64
	}{
		{"a set as it is", false, gib, gib, 0},
		{"it lies there, and is in the files", true, gib, 10 * gib, 2 * gib},
		{"what lies there has a bound", true, 5 * gib, 10 * gib, 8 * gib},
		{"a small database is not expected to more than double", true, 100 * gib, gib, 4 * gib},
		{"nothing was archived after it", true, 0, gib, 0},
	} {
		p := RestorePoint{Replay: c.replay}
		p.Document.Database.Stop, p.Document.Database.Bytes = "1/0", c.database
		p.Coverage.End = archive.LSN(1<<32 + c.wal)
		if got := p.walBytes(); got != c.want {
			t.Errorf("%s: %d MiB, want %d", c.rule, got>>20, c.want>>20)
		}
	}
}

// The live database and its object store are on one small disk, the copy of the
// backups may be on another.
func TestRoomIsKeptForTheLiveDatabase(t *testing.T) {
	d := durabletest.NewDisk(t, "1G")
	live := filepath.Join(d.Dir, "postgres")
	free, err := durable.SpaceAt(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	kept := reserve(free.Size)
	if kept < 50<<20 || kept > 110<<20 {
		t.Fatalf("the reserve of a disk of 1 GiB is %d", kept)
	}
	fits := free.Bytes - kept
	for _, c := range []struct {
		rule  string
		live  string
		needs []Need
		says  []string
	}{
		{"exactly what is there", live, []Need{{"database", live, fits}}, nil},
		{"a little more", live, []Need{{"database", live, fits + 1}}, []string{"database", "free for the live database", "free 1 MiB on the volume"}},
		{"both together", live, []Need{{"database", live, fits / 2}, {"pictures", filepath.Join(d.Dir, "minio"), fits}}, []string{"database", "pictures"}},
		{"without a live database", "", []Need{{"database", live, fits + 1}}, nil},
		{"on another volume", "/proc", []Need{{"database", live, fits + 1}}, nil},
	} {
		room, err := checkRoom(c.live, c.needs)
		if (err != nil) != (c.says != nil) || err != nil && (!errors.Is(err, ErrNoRoom) || fault.Status(err) != int(fault.Preflight)) {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if err != nil {
			text := err.Error() + strings.Join(fault.Hints(err), " ")
			for _, want := range c.says {
				if !strings.Contains(text, want) {
					t.Errorf("%s: %q is not in %s", c.rule, want, text)
				}
			}
		} else if c.live == live && room.reserve != kept {
			t.Errorf("%s: reserved %d", c.rule, room.reserve)
		}
	}
}

// Somebody else fills the disk in the middle: the restore stops, before the live
// database does.
func TestTheGuardStopsARestore(t *testing.T) {
	d := durabletest.NewDisk(t, "256M")
	space, err := durable.SpaceAt(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{Into: filepath.Join(d.Dir, "restoring"), reserve: reserve(space.Size)}
	var left int64
	err = p.Guard(t.Context(), func(ctx context.Context) error {
		f, err := os.Create(filepath.Join(d.Dir, "somebody-elses"))
		if err != nil {
			return err
		}
		defer f.Close()
		block := make([]byte, 1<<20)
		for fill := space.Bytes - p.reserve/2; fill > 0; fill -= int64(len(block)) {
			if _, err := f.Write(block); err != nil {
				return err
			}
		}
		<-ctx.Done()
		at, err := durable.SpaceAt(d.Dir)
		left = at.Bytes
		return errors.Join(ctx.Err(), err)
	})
	if !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), "reserved") || left < p.reserve/4 {
		t.Errorf("%v; %d MiB were left", err, left>>20)
	}
	if err := p.Guard(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Errorf("what was done before it noticed: %v", err)
	}
}
