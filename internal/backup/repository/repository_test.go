package repository_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
)

func options(t *testing.T) repository.Options {
	t.Helper()
	return repository.Options{Target: target.Directory(t.TempDir()), Cache: t.TempDir(), Password: "thirty-two bytes of randomness..", Log: slog.New(slog.DiscardHandler)}
}

func created(t *testing.T) (*repository.Repository, repository.Options) {
	t.Helper()
	o := options(t)
	if err := repository.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return opened(t, o), o
}

func opened(t *testing.T, o repository.Options) *repository.Repository {
	t.Helper()
	r, err := repository.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.WithoutCancel(t.Context())) })
	return r
}

// tree is a directory of files, which counts how many are opened.
type tree struct {
	files map[string][]byte
	at    time.Time
	reads atomic.Int32
}

func (tr *tree) entry(name string) repository.Entry {
	return repository.Entry{Name: name, ModifiedAt: tr.at, Entries: func(context.Context) iter.Seq2[repository.Entry, error] {
		return func(yield func(repository.Entry, error) bool) {
			for name, data := range tr.files {
				e := repository.Entry{Name: name, Size: int64(len(data)), ModifiedAt: tr.at, Open: func(context.Context) (io.ReadCloser, error) {
					tr.reads.Add(1)
					return io.NopCloser(bytes.NewReader(data)), nil
				}}
				if !yield(e, nil) {
					return
				}
			}
		}
	}}
}

func noise(seed byte, n int) []byte {
	out := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(out)
	return out
}

func save(t *testing.T, r *repository.Repository, database []byte, tr *tree) (string, error) {
	t.Helper()
	return r.Write(t.Context(), func() (repository.Document, error) {
		return repository.Document{Kind: "full", Body: json.RawMessage(`{"about":"a test"}`)}, nil
	}, func(ctx context.Context, w *repository.Writer) error {
		if err := w.Stream(ctx, "base.tar", repository.SmallChunks, io.NopCloser(bytes.NewReader(database))); err != nil {
			return err
		}
		return w.Tree(ctx, tr.entry("objects"), repository.LargeChunks)
	}, nil)
}

func content(t *testing.T, r *repository.Repository, id, path string) []byte {
	t.Helper()
	body, err := r.Open(t.Context(), id, path)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func usage(t *testing.T, dir string) int64 {
	t.Helper()
	var n int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestASetComesBackAsItWas(t *testing.T) {
	t.Parallel()
	r, o := created(t)
	database := noise(1, 9<<20)
	tr := &tree{files: map[string][]byte{"a.png": noise(2, 70_000), "empty": nil}, at: time.Now()}
	id, err := save(t, r, database, tr)
	if err != nil {
		t.Fatal(err)
	}
	fresh := o
	fresh.Cache = t.TempDir() // as another machine would open it
	r = opened(t, fresh)
	if !bytes.Equal(content(t, r, id, "base.tar"), database) || !bytes.Equal(content(t, r, id, "objects/a.png"), tr.files["a.png"]) || len(content(t, r, id, "objects/empty")) != 0 {
		t.Error("something came back changed")
	}
	if d, err := r.Document(t.Context(), id); err != nil || string(d) != `{"about":"a test"}` {
		t.Errorf("document %s %v", d, err)
	}
	paths := map[string]int64{}
	if err := r.Walk(t.Context(), id, "objects", func(path string, size int64, _ func() (io.ReadCloser, error)) error {
		paths[path] = size
		return nil
	}); err != nil || fmt.Sprint(paths) != "map[a.png:70000 empty:0]" {
		t.Errorf("walked %v %v", paths, err)
	}
	sets, err := r.Sets(t.Context())
	if err != nil || len(sets) != 1 || sets[0].ID != id || sets[0].Kind != "full" || sets[0].Bytes < 9<<20 {
		t.Errorf("sets %+v %v", sets, err)
	}
}

func TestASecondSetStoresWhatChanged(t *testing.T) {
	t.Parallel()
	r, o := created(t)
	database := noise(1, 24<<20)
	tr := &tree{files: map[string][]byte{}, at: time.Now()}
	for i := range 50 {
		tr.files[fmt.Sprint(i)] = noise(byte(i), 20_000)
	}
	if _, err := save(t, r, database, tr); err != nil {
		t.Fatal(err)
	}
	first, reads := usage(t, o.Target.String()), tr.reads.Load()
	copy(database[5<<20:], "one page changed")
	tr.files["new"] = noise(99, 20_000)
	if _, err := save(t, r, database, tr); err != nil {
		t.Fatal(err)
	}
	if now := tr.reads.Load(); now != reads+1 {
		t.Errorf("%d objects were read again", now-reads-1)
	}
	if more := usage(t, o.Target.String()) - first; more > first/20 {
		t.Errorf("the second set stored %d bytes more on %d", more, first)
	}
}

// breaks fails after n bytes, as a base backup that is killed does.
type breaks struct {
	n   int
	err error
}

func (b *breaks) Read(p []byte) (int, error) {
	if b.n <= 0 {
		return 0, b.err
	}
	n := min(len(p), b.n)
	b.n -= n
	return n, nil
}

func TestABrokenSourceLeavesNoSet(t *testing.T) {
	t.Parallel()
	r, _ := created(t)
	good, err := save(t, r, noise(1, 1<<20), &tree{at: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("pg_basebackup was killed")
	describe := func() (repository.Document, error) { return repository.Document{Kind: "full", Body: []byte("{}")}, nil }
	for _, n := range []int{0, 1, 300_000, 9 << 20} {
		_, err := r.Write(t.Context(), describe, func(ctx context.Context, w *repository.Writer) error {
			return w.Stream(ctx, "base.tar", repository.SmallChunks, io.NopCloser(&breaks{n, cause}))
		}, nil)
		if !errors.Is(err, cause) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	for name, e := range map[string]repository.Entry{
		"an object that cannot be opened": {Name: "a", Size: 5, ModifiedAt: time.Now(), Open: func(context.Context) (io.ReadCloser, error) { return nil, cause }},
		"an object that breaks":           {Name: "a", Size: 9 << 20, ModifiedAt: time.Now(), Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(&breaks{100, cause}), nil }},
	} {
		_, err := r.Write(t.Context(), describe, func(ctx context.Context, w *repository.Writer) error {
			return w.Tree(ctx, repository.Entry{Name: "objects", ModifiedAt: time.Now(), Entries: func(context.Context) iter.Seq2[repository.Entry, error] {
				return func(yield func(repository.Entry, error) bool) { yield(e, nil) }
			}}, repository.LargeChunks)
		}, nil)
		if err == nil || !strings.Contains(err.Error(), cause.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = r.Write(t.Context(), describe, func(ctx context.Context, w *repository.Writer) error {
		return w.Tree(ctx, repository.Entry{Name: "objects", ModifiedAt: time.Now(), Entries: func(context.Context) iter.Seq2[repository.Entry, error] {
			return func(yield func(repository.Entry, error) bool) { yield(repository.Entry{}, cause) }
		}}, repository.LargeChunks)
	}, nil)
	if err == nil || !strings.Contains(err.Error(), cause.Error()) {
		t.Errorf("a listing that breaks: %v", err)
	}
	sets, err := r.Sets(t.Context())
	if err != nil || len(sets) != 1 || sets[0].ID != good {
		t.Errorf("sets %+v %v", sets, err)
	}
}

func TestWrongTargetsAreRefused(t *testing.T) {
	t.Parallel()
	_, o := created(t)
	wrong := o
	wrong.Password, wrong.Cache = "another", t.TempDir()
	if _, err := repository.Open(t.Context(), wrong); !errors.Is(err, repository.ErrKey) {
		t.Errorf("a wrong key: %v", err)
	}
	if err := repository.Create(t.Context(), o); !errors.Is(err, repository.ErrExists) {
		t.Errorf("a second repository: %v", err)
	}
	empty := options(t)
	if _, err := repository.Open(t.Context(), empty); !errors.Is(err, repository.ErrMissing) {
		t.Errorf("an empty directory: %v", err)
	}
	gone := options(t)
	gone.Target = target.Directory(filepath.Join(gone.Target.String(), "unmounted"))
	if err := repository.Create(t.Context(), gone); !errors.Is(err, repository.ErrMissing) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := repository.Open(t.Context(), gone); !errors.Is(err, repository.ErrMissing) {
		t.Errorf("no directory: %v", err)
	}
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(path string) error{
		"a flipped byte": func(path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			b := make([]byte, 1)
			if _, err := f.ReadAt(b, info.Size()/2); err != nil {
				return err
			}
			b[0] ^= 1
			_, err = f.WriteAt(b, info.Size()/2)
			return err
		},
		"a missing pack": os.Remove,
	} {
		r, o := created(t)
		id, err := save(t, r, noise(1, 4<<20), &tree{files: map[string][]byte{"a.png": noise(2, 50_000)}, at: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		content(t, r, id, "base.tar")
		if v, err := r.Verify(t.Context(), []string{id}, 100); err != nil || len(v) != 1 || len(v[0].Damages) > 0 || v[0].Bytes < 4<<20 {
			t.Errorf("before: %+v %v", v, err)
		}
		packs, err := filepath.Glob(filepath.Join(o.Target.String(), "sets", "p*", "*", "*.f"))
		if err != nil || len(packs) == 0 {
			t.Fatalf("packs %v %v", packs, err)
		}
		if err := hurt(packs[0]); err != nil {
			t.Fatal(err)
		}
		// Through the repository that has just read all of it into its cache.
		if v, err := r.Verify(t.Context(), []string{id}, 100); err != nil || len(v) != 1 || len(v[0].Damages) == 0 {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
}

func TestDeletedSetsAreGoneAndTheOthersStay(t *testing.T) {
	t.Parallel()
	r, _ := created(t)
	tr := &tree{files: map[string][]byte{"a": noise(3, 1000)}, at: time.Now()}
	old, err := save(t, r, noise(1, 2<<20), tr)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := save(t, r, noise(2, 2<<20), tr)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), []string{old}); err != nil {
		t.Fatal(err)
	}
	for _, full := range []bool{false, true} {
		if err := r.Reclaim(t.Context(), full); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Open(t.Context(), old, "base.tar"); !errors.Is(err, repository.ErrNoSet) {
		t.Errorf("the deleted set: %v", err)
	}
	if !bytes.Equal(content(t, r, kept, "base.tar"), noise(2, 2<<20)) {
		t.Error("the other set suffered")
	}
}
