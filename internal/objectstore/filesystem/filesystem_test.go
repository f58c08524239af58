package filesystem_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/objectstore/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) objectstore.Store { return open(t, t.TempDir()) })
}

func TestFullDiskLeavesNothing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: a full disk needs a small file system to be mounted")
	}
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1M"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	put(t, s, "kept", "old")
	before := files(t, dir)

	for _, key := range []string{"a/b/new", "kept"} {
		big := strings.Repeat("x", 2<<20)
		if err := s.Put(t.Context(), key, "text/plain", strings.NewReader(big), int64(len(big))); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Put(%q) on a full disk: want ENOSPC, got %v", key, err)
		}
	}
	if after := files(t, dir); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("a full disk left\n%q\nthere was\n%q", after, before)
	}
	put(t, s, "kept", "new, now that there is room")
}

func TestPrepareClearsAbandonedUploads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	old, young := filepath.Join(dir, ",incoming", "put-1"), filepath.Join(dir, ",incoming", "put-2")
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, []byte("half an obj"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lastWeek := time.Now().Add(-7 * 24 * time.Hour)
	if err := os.Chtimes(old, lastWeek, lastWeek); err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the rest of a crash is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("an upload under way was removed: %v", err)
	}
}

func TestForeignFilesAreNotObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for name, content := range map[string]string{
		"short,v1": "x",
		"long,v1":  strings.Repeat("x", 1000),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(t.Context(), strings.TrimSuffix(name, ",v1")); err == nil || errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("%s: want an error of its own, got %v", name, err)
		}
	}
}

func TestContentTypeThatDoesNotFit(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, contentType := range []string{"text/plain\nx", "ä", strings.Repeat("a", 127)} {
		if err := s.Put(t.Context(), "a", contentType, strings.NewReader("x"), 1); err == nil {
			t.Errorf("content type %q was accepted", contentType)
		}
	}
}

func TestFilesAreOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "a/b", "x")
	for path, want := range map[string]fs.FileMode{"a": 0o700, "a/b,v1": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	if err := s.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 1 || got[0] != ",incoming" {
		t.Errorf("after the last object there is still %q", got)
	}
}

func TestCheckMissesTheDirectory(t *testing.T) {
	t.Parallel()
	s, err := filesystem.New(filepath.Join(t.TempDir(), "nothing"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want fs.ErrNotExist, got %v", err)
	}
}

func open(t *testing.T, dir string) *filesystem.Store {
	t.Helper()
	s, err := filesystem.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *filesystem.Store, key, content string) {
	t.Helper()
	if err := s.Put(t.Context(), key, "text/plain", strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
