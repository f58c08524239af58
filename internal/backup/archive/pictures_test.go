package archive_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// troubled is an object store that does not list, or does not read some objects.
type troubled struct {
	objectstore.Store
	unlisted bool
	damaged  string // how the keys begin that cannot be read
}

func (o *troubled) List(ctx context.Context, prefix string) iter.Seq2[objectstore.Object, error] {
	if o.unlisted {
		return func(yield func(objectstore.Object, error) bool) {
			yield(objectstore.Object{}, errors.New("no object store"))
		}
	}
	return o.Store.List(ctx, prefix)
}

func (o *troubled) Get(ctx context.Context, key string) (io.ReadCloser, objectstore.Object, error) {
	if o.damaged != "" && strings.HasPrefix(key, o.damaged) {
		return nil, objectstore.Object{}, errors.New("damaged object")
	}
	return o.Store.Get(ctx, key)
}

func (o *troubled) store(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := o.Put(t.Context(), key, "image/png", strings.NewReader("picture"), 7); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *spool) archivedPictures() int {
	s.t.Helper()
	kept, err := s.archive.Pictures(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return len(kept)
}

// TestWALWaitsOnlySoLongForPictures has neither the database nor the object store
// answer.
func TestWALWaitsOnlySoLongForPictures(t *testing.T) {
	s := newSpool(t, 0)
	o := &troubled{Store: s.shipper.Objects, unlisted: true}
	s.shipper.Objects = o
	began := time.Now()
	now := began
	s.shipper.Now = func() time.Time { return now }
	o.store(t, "a")
	s.segment(name(1, 1), "one", began)
	for _, c := range []struct {
		after  time.Duration
		waits  bool
		listed bool
	}{{0, true, false}, {10*time.Minute - time.Second, true, false}, {10 * time.Minute, false, false}, {11 * time.Minute, false, true}} {
		now, o.unlisted = began.Add(c.after), !c.listed
		if c.listed {
			s.segment(name(1, 2), "two", began)
		}
		err := s.shipper.Round(t.Context())
		if (err == nil) != c.listed {
			t.Errorf("after %s: %v", c.after, err)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "00000001", name(1, 1))); (err == nil) != c.waits {
			t.Errorf("after %s: the WAL is in the spool: %v", c.after, err)
		}
	}
	if n := s.archivedPictures(); n != 1 || !s.shipper.State.Unread.IsZero() {
		t.Errorf("%d pictures once they are listed, %+v", n, s.shipper.State)
	}
}

func TestADamagedPictureKeepsNoOtherFromTheArchive(t *testing.T) {
	s := newSpool(t, 0)
	o := &troubled{Store: s.shipper.Objects, damaged: "b"}
	s.shipper.Objects = o
	o.store(t, "a", "b1", "b2", "b3", "b4", "c")
	s.segment(name(1, 1), "one", time.Now())
	if err := s.shipper.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "picture b") {
		t.Errorf("%v", err)
	}
	// Not all of them are tried each time, but the others come first from then on.
	_ = s.shipper.Round(t.Context())
	if n := s.archivedPictures(); n != 2 {
		t.Errorf("%d pictures beside the damaged one", n)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "00000001", name(1, 1))); err != nil {
		t.Errorf("WAL went before its pictures: %v", err)
	}
	o.damaged = ""
	s.ship()
	if n := s.archivedPictures(); n != 6 {
		t.Errorf("%d pictures in the end", n)
	}
}

// TestOddFilesInTheSpoolAreLeftAlone has what no receiver writes in the spool.
func TestOddFilesInTheSpoolAreLeftAlone(t *testing.T) {
	s := newSpool(t, 0)
	s.segment(name(1, 1), "one", time.Now())
	dir := filepath.Join(s.dir, "00000001")
	odd := []string{filepath.Join(s.dir, "letters"), filepath.Join(dir, "letters"), filepath.Join(dir, name(1, 2)), filepath.Join(dir, name(1, 3)+".gz")}
	for _, path := range odd {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{name(1, 4), name(1, 5) + ".partial", name(1, 6) + ".cut", "00000002.history"} {
		odd = append(odd, filepath.Join(dir, folder))
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.ship()
	for _, path := range odd {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if r := s.reach(t); r.End.Segment() != 2 || s.shipper.State.Last != name(1, 1) {
		t.Errorf("reach %+v", r)
	}
}
