package target_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
)

// Who only reads a target cannot write to it by accident, whatever kind it is of.
func TestAReadOnlyStoreIsOnlyRead(t *testing.T) {
	targettest.Stores(t, func(t *testing.T, s target.Store) {
		if err := s.Put(t.Context(), "sets/a", strings.NewReader("a"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		r := target.ReadOnly{Store: s}
		if err := r.Put(t.Context(), "sets/b", strings.NewReader("b"), time.Time{}); !errors.Is(err, target.ErrReadOnly) {
			t.Errorf("Put: %v", err)
		}
		if err := r.Delete(t.Context(), "sets/a"); !errors.Is(err, target.ErrReadOnly) {
			t.Errorf("Delete: %v", err)
		}
		files, err := s.Walk(t.Context(), "")
		if err != nil || len(files) != 1 || files[0].Name != "sets/a" {
			t.Errorf("%+v, %v", files, err)
		}
		if data, err := target.ReadFile(t.Context(), r, "sets/a"); err != nil || string(data) != "a" {
			t.Errorf("%q, %v", data, err)
		}
	})
}

// What root writes to a directory belongs to the account that the directory belongs to,
// which could use none of it otherwise.
func TestWhatRootWritesBelongsToTheOwnerOfTheTarget(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const account = 12345
	dir := t.TempDir()
	if err := os.Chown(dir, account, account); err != nil {
		t.Fatal(err)
	}
	s := target.Directory(dir)
	for range 2 { // the second time it is replaced
		if err := s.Put(t.Context(), "sets/p/a/b", strings.NewReader("b"), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	own := &target.Target{Store: s, MarkFile: filepath.Join(t.TempDir(), "target.json"), Machine: "m", Host: "h", Now: time.Now}
	if err := own.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := own.TakeBallast(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sets", "sets/p", "sets/p/a", "sets/p/a/b", target.OwnerFile} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != account || st.Gid != account {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
	}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != account {
			t.Errorf("%s belongs to root", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
