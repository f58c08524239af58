package pgcluster

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTheSpoolIsHealed has damage of every kind in segment 5, and looks at what is
// left for pg_receivewal and the archive.
func TestTheSpoolIsHealed(t *testing.T) {
	t.Parallel()
	const name = "000000010000000000000005"
	sized := func(n int64) func(string) error {
		return func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, n)) }
	}
	link := func(path string) error { return os.Symlink("/etc/hostname", path) }
	folder := func(path string) error { return os.MkdirAll(path+"/inside", 0o700) }
	for rule, c := range map[string]struct {
		file  string
		make  func(path string) error
		kept  uint64
		after string
	}{
		"a good one": {name + ".partial", sized(16 << 20), 5, name + ".partial"},
		"a good one that the server does not continue": {name + ".partial", sized(16 << 20), 6, name + ".cut"},
		"a new one":                                    {name + ".partial", sized(0), 5, name + ".partial"},
		"a whole one":                                  {name, sized(16 << 20), 6, name},
		"cut off, and the server has it":               {name + ".partial", sized(8 << 20), 5, ""},
		"cut off, and the server has it and more":      {name + ".partial", sized(8 << 20), 3, ""},
		"cut off, and nobody else has it":              {name + ".partial", sized(8 << 20), 6, name + ".cut"},
		"cut off, and the slot is lost":                {name + ".partial", sized(8 << 20), math.MaxInt64, name + ".cut"},
		"too long":                                     {name + ".partial", sized(17 << 20), 5, ""},
		"a whole one that is none, the server has it":  {name, sized(8 << 20), 5, ""},
		"a whole one that is none, nobody else has it": {name, sized(8 << 20), 6, name + ".cut"},
		"an empty segment":                             {name, sized(0), 5, ""},
		"a directory":                                  {name + ".partial", folder, 5, name + ".partial.odd"},
		"a link":                                       {name + ".partial", link, 5, name + ".partial.odd"},
		"compressed":                                   {name + ".gz", sized(100), 5, name + ".gz.odd"},
		"half compressed":                              {name + ".lz4.partial", sized(100), 5, name + ".lz4.partial.odd"},
		"a foreign name":                               {"letters", sized(100), 5, "letters"},
		"a history":                                    {"00000002.history", sized(40), 5, "00000002.history"},
	} {
		dir := t.TempDir()
		if err := c.make(filepath.Join(dir, c.file)); err != nil {
			t.Fatal(err)
		}
		r := &Receiver{Log: slog.New(slog.DiscardHandler)}
		if err := r.heal(dir, c.kept); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
		var want, have []string
		if c.after != "" {
			want = []string{c.after}
		}
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			have = append(have, e.Name())
		}
		if err != nil || !slices.Equal(have, want) {
			t.Errorf("%s: left %q instead of %q, %v", rule, have, want, err)
		}
	}
}

func TestSegmentsAreCounted(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]uint64{"000000010000000000000005": 5, "0000000300000002000000FF": 0x2FF} {
		if got := segmentNumber(name); got != want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// TestTheSpoolIsFull counts the segments of every timeline.
func TestTheSpoolIsFull(t *testing.T) {
	t.Parallel()
	r := &Receiver{Spool: t.TempDir(), Limit: 5 * segmentSize}
	for n := range 6 {
		if full, err := r.full(1); err != nil || full != (n >= 5) {
			t.Errorf("with %d segments: full %v, %v", n, full, err)
		}
		if full, err := r.full(0.8); err != nil || full != (n >= 4) {
			t.Errorf("with %d segments and while it waits: full %v, %v", n, full, err)
		}
		path := filepath.Join(r.Spool, "7", fmt.Sprintf("%08X", n%2+1), fmt.Sprintf("0000000100000000%08X", n))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600), os.Truncate(path, segmentSize)); err != nil {
			t.Fatal(err)
		}
	}
	r.Limit, r.claim, r.Upstream.home = 1<<50, 1<<50, r.Spool
	if full, err := r.full(1); err != nil || !full {
		t.Errorf("on a disk with less room than the server may claim: full %v, %v", full, err)
	}
	r.Upstream.home = "" // somebody else's disk
	if full, err := r.full(1); err != nil || full {
		t.Errorf("with a server elsewhere: full %v, %v", full, err)
	}
	r.Reserve = 1 << 50 // pictures are on this disk even then
	if full, err := r.full(1); err != nil || !full {
		t.Errorf("on a disk with less room than reports need: full %v, %v", full, err)
	}
	r.Upstream.home = r.Spool
	if scarce, err := r.scarce(); err != nil || !scarce {
		t.Errorf("and for our own server: scarce %v, %v", scarce, err)
	}
}
