package pgcluster

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// initialized is a scratch server with data that was shut down cleanly.
func initialized(t *testing.T) *Scratch {
	t.Helper()
	servers, err := New(Options{Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: Exec}).Servers(t.Context())
	if err != nil || len(servers) == 0 {
		t.Fatalf("no PostgreSQL server: %v", err)
	}
	s := newScratch(t, servers[0])
	if err := errors.Join(s.Initialize(t.Context()), s.Start(t.Context(), nil), s.Stop()); err != nil {
		t.Fatal(err)
	}
	return s
}

// What was put aside goes on on a timeline of which nothing else knows, and keeps its
// own history; that of a timeline in between may be missing from the directory.
func TestANewTimelineIsBeyondEveryOther(t *testing.T) {
	s := initialized(t)
	want := uint32(1)
	for _, beyond := range []uint32{0, 1, 5, 5, 7, 20} {
		before := want
		if want = max(want, beyond) + 1; beyond == 20 {
			// A restore has put the history of a far timeline there.
			far := filepath.Join(s.DataDir, "pg_wal", "00000012.history")
			if err := os.WriteFile(far, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.StartNewTimeline(t.Context(), beyond); err != nil {
			t.Fatal(err)
		}
		got, err := LargestTimeline(s.DataDir)
		if err != nil || got != want {
			t.Fatalf("beyond %d: timeline %d, want %d (%v)", beyond, got, want, err)
		}
		history, err := os.ReadFile(filepath.Join(s.DataDir, "pg_wal", fmt.Sprintf("%08X.history", got)))
		if err != nil || !strings.Contains(string(history), fmt.Sprintf("%d\t0/", before)) || !strings.Contains(string(history), "1\t0/") {
			t.Errorf("the history of timeline %d after %d: %q, %v", got, before, history, err)
		}
	}
}

func TestTheTimelinesOfADirectory(t *testing.T) {
	dir := t.TempDir()
	if n, err := LargestTimeline(filepath.Join(dir, "none")); err != nil || n != 0 {
		t.Errorf("no directory: %d, %v", n, err)
	}
	wal := filepath.Join(dir, "pg_wal")
	if err := os.Mkdir(wal, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		want uint32
	}{{"archive_status", 0}, {"FFFFFFFFF", 0}, {"000000020000000000000001", 2}, {"00000010.history", 16}, {"000000030000000000000001.partial", 16}} {
		if err := os.WriteFile(filepath.Join(wal, c.name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := LargestTimeline(dir); err != nil || n != c.want {
			t.Errorf("with %s: %d, %v", c.name, n, err)
		}
	}
	// The account of the server, or whoever has the target of a restore, can invent one.
	for _, name := range []string{"FFFFFFFF.history", "000F00000000000000000001"} {
		if err := os.WriteFile(filepath.Join(wal, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := LargestTimeline(dir); err == nil || !strings.Contains(err.Error(), "pg_wal/"+name) {
			t.Errorf("with %s: %d, %v", name, n, err)
		}
		if err := os.Remove(filepath.Join(wal, name)); err != nil {
			t.Fatal(err)
		}
	}
	if command := usedTimelines(math.MaxUint32); len(command) > 1000 {
		t.Errorf("a restore_command of %d bytes", len(command))
	}
	// Root asks about a directory of the server's account.
	if err := errors.Join(os.RemoveAll(wal), os.Symlink("/etc", wal)); err != nil {
		t.Fatal(err)
	}
	if _, err := LargestTimeline(dir); err == nil {
		t.Error("a link out of the directory was followed")
	}
}
