package repository_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// Any copy of a target is a target: what a bucket holds is read back from a
// directory with the same files.
func TestSetsAreTheSameOnEveryKindOfTarget(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		o := options(t)
		o.Target = s
		if err := repository.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		r := opened(t, o)
		database := noise(1, 5<<20)
		tr := &tree{files: map[string][]byte{}, at: time.Now()}
		for i := range 200 {
			tr.files[fmt.Sprintf("%d.png", i)] = noise(byte(i), 20_000)
		}
		first, err := save(t, r, noise(2, 1<<20), tr)
		if err != nil {
			t.Fatal(err)
		}
		second, err := save(t, r, database, tr)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Delete(t.Context(), []string{first}); err != nil {
			t.Fatal(err)
		}
		if err := r.Reclaim(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		verdicts, err := r.Verify(t.Context(), []string{second}, 100)
		if err != nil || len(verdicts) != 1 || len(verdicts[0].Damages) > 0 {
			t.Fatalf("%+v %v", verdicts, err)
		}

		elsewhere := o
		elsewhere.Target, elsewhere.Cache = target.Directory(t.TempDir()), t.TempDir()
		journal := &target.Journal{Path: filepath.Join(t.TempDir(), "let-go"), Now: time.Now}
		if _, err := (&target.Mirror{From: s, To: elsewhere.Target, Journal: journal, Now: time.Now, Report: func(int64, int64) {}}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		r = opened(t, elsewhere)
		if !bytes.Equal(content(t, r, second, "base.tar"), database) || !bytes.Equal(content(t, r, second, "objects/7.png"), tr.files["7.png"]) {
			t.Error("something came back changed from the copy")
		}
	})
}
