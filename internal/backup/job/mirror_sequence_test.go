package job_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
)

// cutStore breaks after some changes.
type cutStore struct {
	target.Store
	left atomic.Int64
}

var errCut = errors.New("cut")

func (c *cutStore) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if c.left.Add(-1) < 0 {
		return errCut
	}
	return c.Store.Put(ctx, name, body, at)
}

func (c *cutStore) Delete(ctx context.Context, name string) error {
	if c.left.Add(-1) < 0 {
		return errCut
	}
	return c.Store.Delete(ctx, name)
}

// busy is a first target on which sets are saved and let go and WAL is shipped.
type busy struct {
	store  target.Journaled
	open   *repository.Repository
	prune  sync.Mutex // as copy.lock: a prune and a mirror take turns
	mu     sync.Mutex
	sets   []string // that were not let go
	pruned atomic.Int64

	mirrored atomic.Int64 // runs since the last prune
}

func (b *busy) step(ctx context.Context, n int) error {
	r := b.open
	data := make([]byte, 100<<10)
	if _, err := rand.Read(data); err != nil {
		return err
	}
	id, err := r.Write(ctx, func() (repository.Document, error) {
		return repository.Document{Kind: "full", Body: json.RawMessage(`{}`)}, nil
	}, func(ctx context.Context, w *repository.Writer) error {
		return w.Stream(ctx, "base.tar", repository.SmallChunks, io.NopCloser(bytes.NewReader(data)))
	}, nil)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.sets = append(b.sets, id)
	b.mu.Unlock()
	if err := b.ship(ctx, n); err != nil {
		return err
	}
	if len(b.sets) < 6 || len(b.sets) < 30 && b.mirrored.Swap(0) == 0 {
		return nil // the mirror shall find many states, not wait for this
	}
	b.prune.Lock()
	defer b.prune.Unlock()
	b.mu.Lock()
	going := slices.Clone(b.sets[:2])
	b.sets = slices.Clone(b.sets[2:])
	b.mu.Unlock()
	if err := r.Delete(ctx, going); err != nil {
		return err
	}
	b.pruned.Add(1)
	return r.Reclaim(ctx, true)
}

// ship writes a segment in pieces and then the whole of it.
func (b *busy) ship(ctx context.Context, n int) error {
	s := b.store
	s.Replaces = true
	base := fmt.Sprintf("archive/wal/7/0000000100000000%08X", n)
	var err error
	for _, name := range []string{base + ".00000000-00000010.zst.age", base + ".00000010-00000010.zst.age", base + ".zst.age"} {
		err = errors.Join(err, s.Put(ctx, name, strings.NewReader(name), time.Time{}))
	}
	for _, name := range []string{base + ".00000000-00000010.zst.age", base + ".00000010-00000010.zst.age"} {
		err = errors.Join(err, s.Delete(ctx, name))
	}
	return err
}

// While sets are saved, let go and reclaimed and WAL is shipped, a mirror runs and is
// killed at any step. After a run to its end every set that the copy lists can be restored
// from it, and after one that was killed every set that could be before.
func TestSequenceACopyIsWholeWhereverItStops(t *testing.T) {
	long := 6 * time.Second
	if text := os.Getenv("BUGSPARK_SOAK"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := mathrand.New(mathrand.NewPCG(seed, 0)) //nolint:gosec // a test
	var days atomic.Int64
	now := func() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days.Load())) }
	first, second := target.Directory(inMemory(t)), target.Directory(inMemory(t))
	journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: now}
	b := &busy{store: target.Journaled{Store: first, Journal: journal}}
	o := repository.Options{Target: b.store, Password: "key", Cache: t.TempDir()}
	err := repository.Create(t.Context(), o)
	if err == nil {
		b.open, err = repository.Open(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for n := 1; err == nil && ctx.Err() == nil; n++ {
			err = b.step(context.WithoutCancel(ctx), n)
		}
		ended <- errors.Join(err, b.open.Close(context.WithoutCancel(ctx)))
		close(ended)
	}()
	defer func() {
		stop()
		<-ended
	}()
	complete := []string{} // the sets of the copy that were whole after a run to its end
	runs, whole, cut, deleted, seen := 0, 0, 0, 0, 0
	for end := time.Now().Add(long); time.Now().Before(end) || b.pruned.Load() == 0 || whole == 0 || cut < 2 || seen == 0 && runs < 200; runs++ {
		select {
		case err := <-ended:
			t.Fatalf("seed %d: the first target: %v", seed, err)
		default:
		}
		to := &cutStore{Store: second}
		to.left.Store(int64(r.IntN(40)))
		if r.IntN(3) == 0 {
			to.left.Store(1 << 30)
		}
		b.prune.Lock()
		out, err := (&target.Mirror{From: first, To: to, Journal: journal, Delete: true, Now: now}).Run(t.Context())
		b.prune.Unlock()
		b.mirrored.Add(1)
		switch {
		case err == nil:
			whole++
			complete = nil // all there are
		case errors.Is(err, errCut):
			cut++
		default:
			t.Fatalf("seed %d: %v", seed, err)
		}
		if out.Lost+out.Changed > 0 {
			t.Fatalf("seed %d: nothing was lost by accident: %+v", seed, out)
		}
		deleted += out.Deleted
		b.mu.Lock()
		live := slices.Clone(b.sets)
		b.mu.Unlock()
		if complete != nil {
			complete = slices.DeleteFunc(complete, func(id string) bool { return !slices.Contains(live, id) })
		}
		complete = verifyCopy(t, second, complete, seed)
		seen = max(seen, len(complete))
		days.Add(int64(r.IntN(6)))
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d runs, %d to their end, %d cut, %d deletions, %d prunes", runs, whole, cut, deleted, b.pruned.Load())
	if seen == 0 {
		t.Error("the copy never had a set")
	}
}

// inMemory is a directory whose syncs cost nothing.
func inMemory(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/dev/shm"); err != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "bugspark")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// verifyCopy reads every byte of sets of the copy, nil for all that it lists, and returns
// which they are.
func verifyCopy(t *testing.T, s target.Store, ids []string, seed uint64) []string {
	t.Helper()
	r, err := repository.Open(t.Context(), repository.Options{Target: s, Password: "key", Cache: t.TempDir()})
	if errors.Is(err, repository.ErrMissing) {
		return ids
	}
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	defer r.Close(context.WithoutCancel(t.Context()))
	sets, err := r.Sets(t.Context())
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if ids == nil {
		ids = []string{}
		for _, set := range sets {
			ids = append(ids, set.ID)
		}
	}
	verdicts, err := r.Verify(t.Context(), ids, 100)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for _, v := range verdicts {
		if len(v.Damages) > 0 {
			t.Fatalf("seed %d: the set %s of the copy: %v", seed, v.ID, v.Damages)
		}
	}
	return ids
}
