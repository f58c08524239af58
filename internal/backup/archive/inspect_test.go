package archive_test

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/bugspark/bugspark/internal/backup/archive"
)

// page is the begin of a segment as PostgreSQL writes it.
func page(timeline uint32, segment uint64, system uint64) string {
	b := make([]byte, 40)
	binary.LittleEndian.PutUint32(b[4:], timeline)
	binary.LittleEndian.PutUint64(b[8:], segment*archive.SegmentSize)
	binary.LittleEndian.PutUint64(b[24:], system)
	binary.LittleEndian.PutUint32(b[32:], archive.SegmentSize)
	return string(b) + "records"
}

// archived is the file of the target that holds a segment.
func (s *spool) archived(segment string) string {
	return filepath.Join(s.archive.Target.String(), "archive/wal/7", segment+".zst.age")
}

func (s *spool) inspect() []string {
	s.t.Helper()
	found, err := s.archive.Inspect(s.t.Context(), 100)
	if err != nil {
		s.t.Fatal(err)
	}
	return found.Damages
}

func exchangeFiles(t *testing.T, a, b string) {
	t.Helper()
	for _, step := range [][2]string{{a, a + ".aside"}, {b, a}, {a + ".aside", b}} {
		if err := os.Rename(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnInspectionNamesWhatIsNotWhatItsNameSays(t *testing.T) {
	for rule, c := range map[string]struct {
		change func(*testing.T, *spool)
		want   []string // in the damages, in any order
	}{
		"nothing, while all is well": {func(*testing.T, *spool) {}, nil},
		"two segments that changed places": {func(t *testing.T, s *spool) {
			exchangeFiles(t, s.archived(name(1, 1)), s.archived(name(1, 2)))
		}, []string{"wal/7/" + name(1, 1), "wal/7/" + name(1, 2)}},
		"a segment that was forged without the recipient": {func(t *testing.T, s *spool) {
			forger := newSpool(t, 0)
			forger.segment(name(1, 2), page(1, 2, 7), time.Now())
			forger.ship()
			data, err := os.ReadFile(forger.archived(name(1, 2)))
			if err == nil {
				err = os.WriteFile(s.archived(name(1, 2)), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, []string{"wal/7/" + name(1, 2) + " from the archive: no archiver of this installation has written it"}},
		"a segment that was cut off": {func(t *testing.T, s *spool) {
			if err := os.Truncate(s.archived(name(1, 2)), 300); err != nil {
				t.Fatal(err)
			}
		}, []string{"wal/7/" + name(1, 2)}},
		"WAL of another database": {func(_ *testing.T, s *spool) {
			s.segment(name(1, 3), page(1, 3, 8), time.Now())
			s.ship()
		}, []string{name(1, 3) + " of the archive holds WAL of another place"}},
		"WAL of another position": {func(_ *testing.T, s *spool) {
			s.segment(name(1, 3), page(1, 4, 7), time.Now())
			s.ship()
		}, []string{name(1, 3) + " of the archive holds WAL of another place"}},
		"WAL of a later timeline": {func(_ *testing.T, s *spool) {
			s.segment(name(1, 3), page(2, 3, 7), time.Now())
			s.ship()
		}, []string{name(1, 3) + " of the archive holds WAL of another place"}},
		"not the first segment of a timeline, which begins with the one before": {func(_ *testing.T, s *spool) {
			s.segment("00000002.history", "1\t0/2800000\tthen\n", time.Now())
			s.segment(name(2, 2), page(1, 2, 7), time.Now())
			s.ship()
		}, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			s := newSpool(t, 0)
			for n := range 2 {
				s.segment(name(1, n+1), page(1, uint64(n+1), 7), time.Now())
			}
			s.ship()
			c.change(t, s)
			got := s.inspect()
			if len(got) != len(c.want) {
				t.Fatalf("%q, want %q", got, c.want)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(got, func(d string) bool { return strings.Contains(d, want) }) {
					t.Errorf("%q, want %q", got, want)
				}
			}
		})
	}
}

// Every program that unpacks zstd passes over the name.
func TestTheNameInAFileKeepsNobodyFromUnpackingIt(t *testing.T) {
	s := newSpool(t, 0)
	s.segment(name(1, 1), page(1, 1, 7), time.Now())
	s.ship()
	f, err := os.Open(s.archived(name(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clear, err := age.Decrypt(f, s.archive.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if n := unpackedBytes(t, clear); n != archive.SegmentSize {
		t.Errorf("%d bytes", n)
	}
}

// unpackedBytes is how much a reader of zstd makes of a file. The program itself reads
// the archive when the machine tests follow RESTORE.txt.
func unpackedBytes(t *testing.T, packed io.Reader) int64 {
	t.Helper()
	r, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
