package repository_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

func names(t *testing.T, s target.Store) []string {
	t.Helper()
	files, err := s.Walk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

// Where there is no repository, opening one leaves nothing behind: a target without one
// may be the directory below a mount that is missing.
func TestOpeningWritesNothingWhereThereIsNoRepository(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		if err := s.Put(t.Context(), "of-somebody/else", strings.NewReader("a file"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		o := options(t)
		for _, o.Target = range []target.Store{s, target.ReadOnly{Store: s}} {
			if _, err := repository.Open(t.Context(), o); !errors.Is(err, repository.ErrMissing) {
				t.Errorf("%v", err)
			}
		}
		if got := names(t, s); !slices.Equal(got, []string{"of-somebody/else"}) {
			t.Errorf("the target now has %q", got)
		}
	})
}

// A reader writes nothing either where the engine would have something to mend: here the
// layout is missing, as in a copy by a tool that leaves out what begins with a dot.
func TestReadersWriteNothing(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		o := options(t)
		o.Target = s
		if err := repository.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		id, err := save(t, opened(t, o), noise(1, 1<<20), &tree{files: map[string][]byte{"a.png": noise(2, 9000)}, at: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "sets/.shards"); err != nil {
			t.Fatal(err)
		}
		before := names(t, s)
		o.Target, o.Cache = target.ReadOnly{Store: s}, t.TempDir()
		r := opened(t, o)
		if sets, err := r.Sets(t.Context()); err != nil || len(sets) != 1 {
			t.Errorf("%+v, %v", sets, err)
		}
		verdicts, err := r.Verify(t.Context(), []string{id}, 100)
		if err != nil || len(verdicts) != 1 || len(verdicts[0].Damages) > 0 {
			t.Errorf("%+v, %v", verdicts, err)
		}
		if err := r.Delete(t.Context(), []string{id}); err == nil {
			t.Error("a reader deletes sets")
		}
		if got := names(t, s); !slices.Equal(got, before) {
			t.Errorf("the target now has %q instead of %q", got, before)
		}
	})
}
