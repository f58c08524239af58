package archive_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
)

// silent is a database that answers nothing.
type silent struct{}

func (silent) Heartbeat(context.Context) (bool, error) { return false, errors.New("no database") }

func (silent) Pictures(context.Context, time.Time) ([]string, error) { return nil, nil }

type spool struct {
	t       *testing.T
	dir     string
	archive *archive.Archive
	shipper *archive.Shipper
}

func newSpool(t *testing.T, reserve int64) *spool {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &spool{t: t, dir: t.TempDir()}
	s.archive = &archive.Archive{Target: target.Reserved{Store: target.Directory(t.TempDir()), Bytes: reserve}, Recipient: id.Recipient(), Identity: id, Signer: key, Writers: []ed25519.PublicKey{public}}
	s.shipper = &archive.Shipper{Archive: s.archive, System: "7", Spool: s.dir, Source: silent{}, Objects: objects(t), Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	return s
}

func objects(t *testing.T) objectstore.Store {
	t.Helper()
	store, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// segment puts a file into the spool; content is filled up with zeros.
func (s *spool) segment(name, content string, at time.Time) {
	s.t.Helper()
	dir := filepath.Join(s.dir, name[:8])
	path := filepath.Join(dir, name)
	data := append([]byte(content), make([]byte, archive.SegmentSize-len(content))...)
	if strings.HasSuffix(name, ".history") {
		data = []byte(content)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, data, 0o600), os.Chtimes(path, at, at)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *spool) ship() {
	s.t.Helper()
	if err := s.shipper.Round(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *spool) wal() *archive.WAL {
	s.t.Helper()
	w, err := s.archive.WAL(s.t.Context(), "7")
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

func name(timeline, segment int) string { return fmt.Sprintf("%08X%08X%08X", timeline, 0, segment) }

func TestWALKeepsTheTimeItWasWrittenAt(t *testing.T) {
	s := newSpool(t, 0)
	before := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	s.segment(name(1, 1), "one", before.Add(-time.Hour))
	s.segment(name(1, 2)+".partial", "two", before)
	s.ship() // hours later, because the target was away
	r := s.reach(t)
	if !r.Until.Equal(before) || r.Gap != "" || r.End.Segment() != 2 {
		t.Errorf("reach %+v, written until %s", r, before)
	}
}

// TestWALOfAClusterThatIsGoneGoes lets all of it go, once none of it is new.
func TestWALOfAClusterThatIsGoneGoes(t *testing.T) {
	s := newSpool(t, 0)
	written := time.Now().Add(-48 * time.Hour)
	s.segment("00000002.history", "1\t0/1000000\tthen\n", written)
	s.segment(name(2, 1), "one", written)
	s.segment(name(2, 2)+".partial", "two", written.Add(24*time.Hour))
	s.ship()
	if systems, err := s.archive.Systems(t.Context()); err != nil || !slices.Equal(systems, []string{"7"}) {
		t.Fatalf("systems %v %v", systems, err)
	}
	gone := func(before time.Time, dryRun bool) int {
		p, err := s.archive.PruneSystem(t.Context(), "7", before, dryRun)
		if err != nil {
			t.Fatal(err)
		}
		return p.Files
	}
	if n := gone(written.Add(time.Hour), false); n != 0 {
		t.Errorf("%d files went though some are newer", n)
	}
	if n, really := gone(time.Now(), true), gone(time.Now(), false); n < 3 || n != really {
		t.Errorf("%d files would go, %d went", n, really)
	}
	if n := gone(time.Now(), true); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestAHoleIsToldUntilASetBehindItClosesIt(t *testing.T) {
	s := newSpool(t, 0)
	s.segment(name(1, 1), "one", time.Now())
	s.ship()
	s.segment(name(1, 5), "five", time.Now())
	s.ship()
	if st := s.shipper.State; !st.GapOpen("") || !st.GapOpen("0/4000000") || st.GapOpen("0/5000028") {
		t.Errorf("state %+v", st)
	}
	if r := s.reach(t); r.Gap != name(1, 2) || r.End.Segment() != 2 {
		t.Errorf("reach %+v", r)
	}
}

// Whoever lists the archive and reads it a little later, as a drill does, finds a
// segment that the shipper has put together meanwhile.
func TestPiecesThatWereReplacedSinceTheListingAreStillRead(t *testing.T) {
	s := newSpool(t, 0)
	s.segment(name(1, 1)+".partial", "the begin", time.Now())
	s.ship()
	s.segment(name(1, 1)+".partial", "the begin and more", time.Now())
	s.ship()
	listed := s.wal()
	if err := os.Remove(filepath.Join(s.dir, "00000001", name(1, 1)+".partial")); err != nil {
		t.Fatal(err)
	}
	s.segment(name(1, 1), "the begin and more, to the end", time.Now())
	s.ship()
	body, err := listed.Open(t.Context(), name(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil || len(data) != archive.SegmentSize || !strings.HasPrefix(string(data), "the begin and more, to the end\x00") {
		t.Errorf("%d bytes: %.40q %v", len(data), data, err)
	}
	if _, err := listed.Coverage(t.Context(), 1, archive.LSN(archive.SegmentSize), 1); err != nil {
		t.Errorf("reach: %v", err)
	}
	if _, err := listed.Open(t.Context(), name(1, 2)); !errors.Is(err, archive.ErrMissing) {
		t.Errorf("a segment that never was: %v", err)
	}
}

// A restore goes back in the WAL, and taking it back goes forward again; neither
// is a hole. The timeline that was left so soon that nothing of it was archived
// must not hide the one after it from recovery.
func TestANewTimelineIsNoHoleAndAMissingHistoryNotTheEnd(t *testing.T) {
	s := newSpool(t, 0)
	s.segment(name(1, 9), "nine", time.Now())
	s.ship()
	s.segment("00000003.history", "1\t0/9800000\tundone\n", time.Now())
	s.segment(name(3, 9)+".partial", "nine, other", time.Now())
	s.ship()
	s.segment("00000005.history", "1\t0/3800000\tback in time\n", time.Now())
	s.segment(name(5, 3)+".partial", "three, other", time.Now())
	s.ship()
	if s.shipper.State.Gap != "" {
		t.Errorf("a hole: %s", s.shipper.State.Gap)
	}
	w := s.wal()
	for _, history := range []string{"00000002.history", "00000003.history", "00000004.history", "00000005.history"} {
		if body, err := w.Open(t.Context(), history); err != nil {
			t.Errorf("%s: %v", history, err)
		} else {
			body.Close()
		}
	}
	for _, missing := range []string{"00000006.history", name(1, 10), "backup_label"} {
		if _, err := w.Open(t.Context(), missing); !errors.Is(err, archive.ErrMissing) {
			t.Errorf("%s: %v", missing, err)
		}
	}
	for _, c := range []struct {
		timeline uint32
		at       archive.LSN
		leads    bool
	}{{3, 0x9900000, false}, {1, 0x3000000, true}, {1, 0x9000000, false}, {5, 0x9000000, true}} {
		if leads, err := w.Leads(t.Context(), c.timeline, c.at, w.Last().Timeline); err != nil || leads != c.leads {
			t.Errorf("from %s on timeline %d WAL leads to the live one: %v (%v)", c.at, c.timeline, leads, err)
		}
	}
}

// What the target refuses stays in the spool.
func TestAFullTargetLosesNothing(t *testing.T) {
	s := newSpool(t, 1<<62)
	s.segment(name(1, 1), "one", time.Now())
	if err := s.shipper.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "free") {
		t.Errorf("shipping to a full target: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "00000001", name(1, 1))); err != nil {
		t.Error(err)
	}
	s.archive.Target = s.archive.Target.(target.Reserved).Store
	s.ship()
	body, err := s.wal().Open(t.Context(), name(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if data, err := io.ReadAll(body); err != nil || !bytes.HasPrefix(data, []byte("one")) || len(data) != archive.SegmentSize {
		t.Errorf("%d bytes came back: %v", len(data), err)
	}
}

func TestAFlippedByteIsNoticed(t *testing.T) {
	s := newSpool(t, 0)
	s.segment(name(1, 1), "one", time.Now())
	s.ship()
	path := filepath.Join(s.archive.Target.String(), "archive/wal/7", name(1, 1)+".zst.age")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-3] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	body, err := s.wal().Open(t.Context(), name(1, 1))
	if err == nil {
		_, err = io.ReadAll(body)
		body.Close()
	}
	if err == nil {
		t.Error("damaged WAL was handed out")
	}
}

// reach is how far the archive goes from the first segment on.
func (s *spool) reach(t *testing.T) archive.WALCoverage {
	t.Helper()
	r, err := s.wal().Coverage(t.Context(), 1, archive.LSN(archive.SegmentSize), 1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (silent) Position(context.Context) (uint32, string, error) {
	return 0, "", errors.New("no database")
}
