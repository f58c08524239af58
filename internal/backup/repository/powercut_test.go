package repository_test

import (
	"context"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/durable/durabletest"
)

// A set that was reported as saved outlives a power cut of its target at any
// later moment, and one that is being saved then never damages it.
func TestSavedSetsOutliveAPowerCut(t *testing.T) {
	t.Parallel()
	d := durabletest.NewDisk(t, "256M")
	o := options(t)
	o.Target = target.Directory(d.Dir)
	if err := repository.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	saved := map[string]bool{}
	save1 := func(ctx context.Context, seed byte) error {
		r, err := repository.Open(ctx, o)
		if err != nil {
			return err
		}
		defer r.Close(context.WithoutCancel(ctx))
		id, err := save(t, r, noise(seed, 3<<20), &tree{files: map[string][]byte{"a.png": noise(seed, 70_000)}, at: time.Now()})
		if err == nil {
			saved[id] = true
		}
		return err
	}
	before := used(t, d.Dir)
	if err := save1(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	whole := used(t, d.Dir) - before
	broken := 0
	for i := range 12 {
		done := make(chan error, 1)
		begin := used(t, d.Dir)
		go func() { done <- save1(t.Context(), byte(i+1)) }()
		// The power goes when a part of the set is written, or right after its end.
		part, ended := whole*int64(i)/11, false
		var err error
		for !ended && (i == 11 || used(t, d.Dir)-begin < part) {
			select {
			case err = <-done:
				ended = true
			default:
			}
		}
		d.Cut(t, false)
		if !ended {
			err = <-done
		}
		if err != nil {
			broken++
		}
		d.Restart(t)
		r, err := repository.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("after cut %d: %v", i, err)
		}
		var ids []string
		for id := range saved {
			ids = append(ids, id)
		}
		verdicts, err := r.Verify(t.Context(), ids, 100)
		if err != nil || len(verdicts) != len(ids) {
			t.Fatalf("after cut %d: %v", i, err)
		}
		for _, v := range verdicts {
			if len(v.Damages) > 0 {
				t.Fatalf("after cut %d set %s is damaged: %v", i, v.ID, v.Damages)
			}
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("12 cuts, %d in the middle of a set; %d sets saved", broken, len(saved))
	if broken < 6 || len(saved) < 2 {
		t.Errorf("of 12 cuts only %d came in the middle of a set, and %d sets were saved", broken, len(saved))
	}
}

// used is what is written to a disk, in bytes.
func used(t *testing.T, dir string) int64 {
	t.Helper()
	s, err := durable.SpaceAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s.Size - s.Bytes
}
