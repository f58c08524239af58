package archive

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// What a key counts for in the model.
const (
	believed = iota
	retired
	removed
)

// signedFile is WAL in the model: who has signed it, and when.
type signedFile struct {
	key int
	at  time.Time
}

// rotationModel is an archive whose key changes, and what has to be of it.
type rotationModel struct {
	*testing.T
	loop     *Loop
	keys     []ed25519.PublicKey // the last one is in use
	counts   []int               // of each
	files    map[string]signedFile
	begin    time.Time // of the window
	last     uint64    // segment
	timeline uint32
}

// list puts the keys into the archive as the file of public keys has them.
func (m *rotationModel) list() {
	a := *m.loop.Shipper.Archive
	a.Writers, a.Retired = nil, nil
	for i, key := range slices.Backward(m.keys) {
		switch m.counts[i] {
		case believed:
			a.Writers = append(a.Writers, key)
		case retired:
			a.Retired = append(a.Retired, key)
		}
	}
	m.loop.Shipper.Archive = &a
}

// ship is a round of the archiver, which was started anew or not.
func (m *rotationModel) ship(began bool) {
	m.loop.unproven = began
	if err := m.loop.round(m.Context()); err != nil {
		m.Fatal(err)
	}
}

func (m *rotationModel) rotate() {
	a := rotated(m.T, m.loop.Shipper.Archive)
	m.loop.Shipper.Archive = a
	m.keys, m.counts = append(m.keys, a.Writers[0]), append(m.counts, believed)
	m.list()
	m.ship(true)
}

// restore puts the server on a new timeline.
func (m *rotationModel) restore() {
	m.timeline++
	dir := filepath.Join(m.loop.Spool, "7", fmt.Sprintf("%08X", m.timeline))
	err := errors.Join(os.MkdirAll(dir, 0o700), WriteStay(dir, Stay{Timeline: m.timeline, Since: time.Now()}))
	if m.timeline > 1 {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%08X.history", m.timeline)), []byte("1\t0/2000000\tx\n"), 0o600))
	}
	if err != nil {
		m.Fatal(err)
	}
	m.ship(false)
}

func (m *rotationModel) wal(at time.Time) {
	m.last++
	name := "wal/7/" + segment{m.timeline, m.last}.String()
	if err := m.loop.Shipper.Archive.put(m.Context(), name, strings.NewReader("WAL"), at); err != nil {
		m.Fatal(err)
	}
	m.files[name] = signedFile{len(m.keys) - 1, at}
}

// prune lets go what is old, of every key that the list has.
func (m *rotationModel) prune() {
	gone, err := m.loop.Shipper.Archive.Prune(m.Context(), "7", Needs{}, m.begin, false)
	want := 0
	for name, f := range m.files {
		if f.at.Before(m.begin) && m.counts[f.key] != removed {
			want++
			delete(m.files, name)
		}
	}
	if err != nil || gone.Files != want {
		m.Errorf("pruned %d files instead of %d, %v", gone.Files, want, err)
	}
}

// check reads everything, as a restore and a verification do.
func (m *rotationModel) check() {
	m.Helper()
	a := m.loop.Shipper.Archive
	w, err := a.WAL(m.Context(), "7")
	if err != nil || w.Unread() != nil || w.Last().Timeline != m.timeline || len(w.stays) != int(m.timeline) {
		m.Fatalf("on timeline %d: %+v, %v, %v", m.timeline, w.stays, w.Unread(), err)
	}
	if leads, err := w.Leads(m.Context(), 1, LSN(SegmentSize), m.timeline); err != nil || !leads {
		m.Errorf("no way to timeline %d: %v", m.timeline, err)
	}
	var number [3]int
	ahead := map[bool]int{}
	for name, f := range m.files {
		body, err := a.open(m.Context(), name)
		if err == nil {
			_, err = readAll(body)
		}
		if want := []error{nil, ErrRetired, ErrForged}[m.counts[f.key]]; !errors.Is(err, want) {
			m.Errorf("%s of key %d: %v instead of %v", name, f.key, err, want)
		}
		number[m.counts[f.key]]++
		if s, _ := parseSegment(filepath.Base(name)); s.timeline == m.timeline {
			ahead[m.counts[f.key] != removed]++
		}
	}
	found, err := a.Inspect(m.Context(), 100)
	if own := int(2*m.timeline) - 1; err != nil || found.Files != int64(len(m.files)+own) || found.Retired != int64(number[retired]) || len(found.Damages) != min(damagesAtMost, number[removed]+number[believed]) {
		m.Errorf("%d files, %d of retired keys, %d damages instead of %d, %v, %v", found.Files, found.Retired, len(found.Damages), len(m.files), number, err)
	}
	var state State // the server was put back to where its timeline began
	if _, err := a.CheckAhead(m.Context(), "7", serverAt{m.timeline, "0/0"}, &state); errors.Is(err, ErrAhead) != (ahead[true] > 0) || err != nil && !errors.Is(err, ErrAhead) {
		m.Errorf("ahead of the server: %v of known keys, %v", ahead, err)
	}
}

// TestModelChangesOfTheSigningKey has keys come, retire and go in any order, between WAL,
// restores and prunes.
func TestModelChangesOfTheSigningKey(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	l, _ := newLoop(t, &memory{})
	l.Shipper.Archive = keys(t, target.Directory(t.TempDir()))
	m := &rotationModel{T: t, loop: l, keys: l.Shipper.Archive.Writers, counts: []int{believed}, files: map[string]signedFile{}, begin: time.Now().Add(-7 * 24 * time.Hour)}
	m.restore()
	for step := range 60 {
		what := r.IntN(8)
		switch what {
		case 0:
			m.rotate()
		case 1:
			m.restore()
		case 2:
			m.prune()
		case 3, 4: // of a key before, which may come back to the list
			if before := len(m.keys) - 1; before > 0 {
				m.counts[r.IntN(before)] = r.IntN(3)
				m.list()
			}
		default:
			m.wal(m.begin.Add(time.Duration(r.IntN(48)-24) * time.Hour))
		}
		if m.check(); t.Failed() {
			t.Fatalf("step %d of seed %d: %d, %v", step, seed, what, m.counts)
		}
	}
}
