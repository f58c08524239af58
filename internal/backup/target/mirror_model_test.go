package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// memory is a target in memory.
type memory struct {
	mu    sync.Mutex
	files map[string]string
}

func newMemory() *memory { return &memory{files: map[string]string{}} }

func (m *memory) Put(_ context.Context, name string, body io.Reader, _ time.Time) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = string(data)
	return nil
}

func (m *memory) Open(_ context.Context, name string, _, _ int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(data)), nil
}

func (m *memory) Stat(_ context.Context, name string) (target.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return target.File{}, fs.ErrNotExist
	}
	return target.File{Name: name, Size: int64(len(data))}, nil
}

func (m *memory) Dir(_ context.Context, dir string) ([]target.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]target.File{}
	for name, data := range m.files {
		rest := name
		if dir != "" {
			var below bool
			if rest, below = strings.CutPrefix(name, dir+"/"); !below {
				continue
			}
		}
		first, _, isDir := strings.Cut(rest, "/")
		seen[first] = target.File{Name: first, Size: int64(len(data)), IsDir: isDir}
	}
	return slices.Collect(maps.Values(seen)), nil
}

func (m *memory) Walk(_ context.Context, dir string) ([]target.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []target.File
	for name, data := range m.files {
		if strings.HasPrefix(name, dir+"/") {
			out = append(out, target.File{Name: name, Size: int64(len(data))})
		}
	}
	return out, nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

func (m *memory) Free(context.Context) (int64, error) { return 0, target.ErrSpaceUnknown }
func (m *memory) String() string                      { return "memory" }
func (m *memory) Close() error                        { return nil }

// world is two targets, what happened to them, and what must be true of the copy.
type world struct {
	t         *testing.T
	r         *rand.Rand
	now       time.Time
	first     *memory
	second    *memory
	journal   *target.Journal
	product   target.Journaled
	shipper   target.Journaled
	made      int
	whole     map[string]string    // what the product wrote and did not delete
	decided   map[string]time.Time // what it let go
	held      map[string]string    // what the copy has had
	damaged   map[string]bool      // what accidents did to the first target
	deletions int
	log       []string
}

const segmentFormat = "archive/wal/7/0000000100000000%08X"

func packName(n int) string { return fmt.Sprintf("sets/p/%03x/%029x.f", n%4096, n) }

func newWorld(t *testing.T, r *rand.Rand) *world {
	w := &world{t: t, r: r, now: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC), first: newMemory(), second: newMemory(),
		whole: map[string]string{}, decided: map[string]time.Time{}, held: map[string]string{}, damaged: map[string]bool{}}
	w.journal = &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: func() time.Time { return w.now }}
	w.product = target.Journaled{Store: w.first, Journal: w.journal}
	w.shipper = target.Journaled{Store: w.first, Journal: w.journal, Replaces: true}
	w.write(w.product, "sets/kopia.repository.f", "format")
	w.write(w.product, "RESTORE.txt", "how")
	w.first.files["owner.json"], w.second.files["owner.json"] = "first", "second"
	return w
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.log, "\n"))
}

func (w *world) write(s target.Store, name, body string) {
	if err := s.Put(w.t.Context(), name, strings.NewReader(body), time.Time{}); err != nil {
		w.fatal("%v", err)
	}
	w.whole[name] = body
	delete(w.decided, name)
	delete(w.damaged, name)
}

func (w *world) delete(s target.Store, name string) {
	if err := s.Delete(w.t.Context(), name); err != nil {
		w.fatal("%v", err)
	}
	delete(w.whole, name)
	delete(w.damaged, name)
}

// segment is the WAL of a segment; a piece holds a part of it.
func segment(n int) string { return strings.Repeat(fmt.Sprintf("%08d", n), 8) }

func (w *world) create() {
	w.made++
	n := w.made
	switch w.r.IntN(5) {
	case 0:
		w.write(w.product, packName(n), fmt.Sprint("pack", n))
	case 1:
		w.write(w.product, fmt.Sprintf("sets/x/n0_/%032x.f", n), fmt.Sprint("index", n))
	case 2:
		w.write(w.product, fmt.Sprintf("archive/pictures/%d.zst.age", n%20), fmt.Sprint("picture", n%20)) // some come again
	default:
		w.ship(n)
	}
	w.note("create %d", n)
}

// ship writes a segment in pieces, replaces them by one, and perhaps by the whole.
func (w *world) ship(n int) {
	base, body := fmt.Sprintf(segmentFormat, n), segment(n)
	piece := func(from, to int) string { return fmt.Sprintf("%s.%08d-%08d.zst.age", base, from, to-from) }
	w.write(w.shipper, piece(0, 10), body[:10])
	w.write(w.shipper, piece(10, 30), body[10:30])
	if w.r.IntN(3) == 0 {
		w.mirror()
	}
	if w.r.IntN(2) == 0 {
		w.write(w.shipper, piece(0, 40), body[:40])
		w.delete(w.shipper, piece(0, 10))
		w.delete(w.shipper, piece(10, 30))
	}
	if w.r.IntN(2) == 0 {
		w.write(w.shipper, base+".zst.age", body)
		for name := range maps.Clone(w.whole) {
			if strings.HasPrefix(name, base+".0") {
				w.delete(w.shipper, name)
			}
		}
	}
}

// any is one of the names that the product has.
func (w *world) any() (string, bool) {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(w.whole)), func(name string) bool { return !strings.Contains(name, "/") || name == "sets/kopia.repository.f" })
	if len(names) == 0 {
		return "", false
	}
	return names[w.r.IntN(len(names))], true
}

func (w *world) prune(killed bool) {
	name, ok := w.any()
	if !ok {
		return
	}
	w.note("prune %s, killed %v", name, killed)
	if killed {
		if err := w.journal.LetGo(w.t.Context(), name); err != nil {
			w.fatal("%v", err)
		}
	} else {
		w.delete(w.product, name)
	}
	w.decided[name] = w.now
}

func (w *world) accident() {
	name, ok := w.any()
	if !ok {
		return
	}
	kind := w.r.IntN(6)
	w.note("accident %d to %s", kind, name)
	w.damaged[name] = true
	switch kind {
	case 0:
		delete(w.first.files, name)
	case 1:
		w.first.files[name] = ""
	case 2:
		w.first.files[name] = "garbage of another size"
	case 3:
		clear(w.first.files)
		w.first.files["owner.json"] = "first"
	case 4:
		w.first.files["sets/kopia.repository.f"] = "formaT"
	case 5:
		w.made++
		w.first.files[packName(w.made)] = "garbage"
	}
}

// heal brings the first target back to what the product wrote.
func (w *world) heal() {
	w.note("heal")
	for name, body := range w.first.files {
		if _, ours := w.whole[name]; !ours && name != "owner.json" && body != "garbage" {
			delete(w.first.files, name)
		}
	}
	maps.Copy(w.first.files, w.whole)
	clear(w.damaged)
}

func (w *world) run(to target.Store) (target.Mirrored, error) {
	m := target.Mirror{From: w.first, To: to, Journal: w.journal, Delete: true, Now: func() time.Time { return w.now }}
	return m.Run(w.t.Context())
}

// accept does what an administrator does in the end: it deletes from the copy what was
// damaged on the first target before it was copied, and gives up what is on the copy
// alone: garbage that went as it came.
func (w *world) accept() {
	for name, body := range w.second.files {
		if good, ok := w.whole[name]; ok && body != good {
			delete(w.second.files, name)
			delete(w.held, name)
		}
	}
	m := target.Mirror{From: w.first, To: w.second, Journal: w.journal, Accept: true, Now: func() time.Time { return w.now }}
	out, err := m.Run(w.t.Context())
	w.note("accept: %+v %v", out, err)
	if err != nil {
		w.fatal("%v", err)
	}
	w.check()
	for name := range w.second.files {
		if _, there := w.first.files[name]; !there {
			if _, known := w.decided[name]; !known {
				w.decided[name] = w.now
			}
		}
	}
}

func (w *world) mirror() {
	out, err := w.run(w.second)
	w.note("mirror: %+v %v", out, err)
	if err != nil && !errors.Is(err, target.ErrOtherRepository) {
		w.fatal("%v", err)
	}
	w.deletions += out.Deleted
	w.check()
}

func (w *world) killedMirror() {
	out, err := w.run(&counted{Store: w.second, left: w.r.IntN(6)})
	w.note("killed mirror: %+v %v", out, err)
	if err != nil && !errors.Is(err, errCut) && !errors.Is(err, target.ErrOtherRepository) {
		w.fatal("%v", err)
	}
	w.check()
}

// check fails unless the copy has all that it ever had, but for what the product let go
// long ago and for pieces of what it has larger.
func (w *world) check() {
	w.t.Helper()
	if w.second.files["owner.json"] != "second" {
		w.fatal("the owner of the copy is %s", w.second.files["owner.json"])
	}
	for name, body := range w.held {
		now, there := w.second.files[name]
		if there && now == body {
			continue
		}
		if there {
			w.fatal("%s of the copy was %q and is %q", name, body, now)
		}
		if at, ok := w.decided[name]; ok && w.now.Sub(at) >= target.LetGoDelay {
			delete(w.held, name)
			continue
		}
		if w.coveredOnCopy(name) {
			delete(w.held, name)
			continue
		}
		w.fatal("the copy has lost %s (%q)", name, body)
	}
	for name, body := range w.second.files {
		if strings.HasPrefix(name, "sets/") || strings.HasPrefix(name, "archive/") {
			w.held[name] = body
		}
	}
}

// coveredOnCopy tells whether another file of the copy holds what a piece held.
func (w *world) coveredOnCopy(name string) bool {
	var from, length int
	base, rest, ok := strings.Cut(path.Base(name), ".")
	if _, err := fmt.Sscanf(rest, "%08d-%08d", &from, &length); !ok || err != nil {
		return false
	}
	others := slices.Collect(maps.Keys(w.second.files))
	for other, at := range w.decided {
		if w.now.Sub(at) >= target.LetGoDelay {
			others = append(others, other)
		}
	}
	for _, other := range others {
		if path.Base(other) == base+".zst.age" {
			return true
		}
		var f, l int
		if b, r, _ := strings.Cut(path.Base(other), "."); b == base {
			if _, err := fmt.Sscanf(r, "%08d-%08d", &f, &l); err == nil && f <= from && f+l >= from+length {
				return true
			}
		}
	}
	return false
}

// Whatever happens to the first target, the copy loses only what the product itself let
// go a week ago or earlier; and that it does lose in the end.
func TestModelACopyLosesOnlyWhatTheProductLetGo(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
	deletions, sequences := 0, 0
	for end := soak(3 * time.Second); time.Now().Before(end); sequences++ {
		w := newWorld(t, r)
		w.note("seed %d, sequence %d", seed, sequences)
		for range 60 {
			switch n := r.IntN(20); {
			case n < 6:
				w.create()
			case n < 9:
				w.prune(false)
			case n < 10:
				w.prune(true)
			case n < 12:
				w.accident()
			case n < 15:
				w.mirror()
			case n < 17:
				w.killedMirror()
			case n < 18:
				w.heal()
			default:
				w.now = w.now.Add(time.Duration(r.IntN(5*24)) * time.Hour)
				w.note("now %s", w.now)
			}
		}
		w.heal()
		w.accept()
		for range 2 {
			w.now = w.now.Add(target.LetGoDelay)
			w.mirror()
		}
		deletions += w.deletions
		w.settled()
	}
	if deletions == 0 {
		t.Error("nothing was ever deleted from a copy, so nothing is proven")
	}
	t.Logf("%d sequences, %d deletions", sequences, deletions)
}

// settled fails unless the copy has what the first target has, and nothing else but what
// fell victim to an accident and was never decided about.
func (w *world) settled() {
	w.t.Helper()
	for name := range w.first.files {
		if _, ok := w.second.files[name]; !ok {
			w.fatal("in the end the copy lacks %s", name)
		}
	}
	for name := range w.second.files {
		if _, there := w.first.files[name]; !there {
			w.fatal("in the end the copy still has %s", name)
		}
	}
	if data, err := target.ReadFile(w.t.Context(), w.second, "RESTORE.txt"); err != nil || !bytes.Equal(data, []byte("how")) {
		w.fatal("%q %v", data, err)
	}
}
