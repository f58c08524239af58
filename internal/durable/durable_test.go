package durable_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/durable"
)

func TestWriteFileReplacesAndSetsTheModeWhateverTheUmask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"first, and longer", "second"} {
		if err := durable.WriteFile(path, []byte(text), 0o604); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil || string(data) != text {
			t.Fatalf("%q, %v; want %q", data, err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWriteFileLeavesTheOldContentWhenItFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "file")
	if err := durable.WriteFile(path, []byte("x"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestCreateFileKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for i, want := range []bool{true, false} {
		created, err := durable.CreateFile(path, []byte{byte('a' + i)}, 0o640)
		if err != nil || created != want {
			t.Fatalf("call %d: created %v, %v", i, created, err)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "a" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestReadJSONTellsAMissingFileFromADamagedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	value := map[string]int{"kept": 1}
	if found, err := durable.ReadJSON(path, &value); found || err != nil || value["kept"] != 1 {
		t.Errorf("missing: %v, %v, %v", found, err, value)
	}
	if err := durable.WriteJSON(path, map[string]int{"new": 2}, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := durable.ReadJSON(path, &value); !found || err != nil || value["new"] != 2 {
		t.Errorf("written: %v, %v, %v", found, err, value)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.ReadJSON(path, &value); err == nil {
		t.Error("a damaged file was read")
	}
}

func TestOneProcessHoldsALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := durable.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.TryLock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("second: %v", err)
	}
	unlock()
	again, err := durable.TryLock(path)
	if err != nil {
		t.Fatalf("after the first let go: %v", err)
	}
	again()
}

// Ctrl-C and SIGTERM end the context, and with it the waiting.
func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := durable.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := durable.Lock(ctx, path)
		result <- err
	}()
	cancel()
	select {
	case err := <-result:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits on")
	}
}

func TestALockIsTakenWhenItGetsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := durable.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, unlock)
	again, err := durable.Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// A lock file in a directory of a service's account may be a link to a file of
// root's.
func TestALockIsNotTakenThroughALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.TryLock(filepath.Join(dir, "lock")); err == nil {
		t.Error("the link was followed")
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file behind the link: %v", err)
	}
}

func TestSpaceOfAPathThatDoesNotExistIsItsParents(t *testing.T) {
	dir := t.TempDir()
	s, err := durable.SpaceAt(filepath.Join(dir, "a", "b"))
	if err != nil || s.Path != dir || s.Bytes <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestChownTreeDoesNotFollowLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	for _, path := range []string{outside, filepath.Join(dir, "file")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := durable.ChownTree(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{dir: 65534, filepath.Join(dir, "file"): 65534, filepath.Join(dir, "link"): 65534, outside: 0} {
		if got := owner(t, path); got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
}

// Whoever owns a file that root reads can make it larger than any memory, and without a
// block of the disk.
func TestReadJSONReadsNoMoreThanItsLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wal.json")
	if err := errors.Join(os.WriteFile(path, []byte("7"), 0o600), os.Truncate(path, 64<<20)); err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := durable.ReadJSON(path, &n); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "is larger than 4194304 bytes") {
		t.Errorf("%v", err)
	}
	large := `"` + strings.Repeat("a", 1<<20) + `"`
	if err := os.WriteFile(path, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	var text string
	if _, err := durable.ReadJSON(path, &text); err != nil || len(text) != 1<<20 {
		t.Errorf("a file of 1 MiB: %d, %v", len(text), err)
	}
}

// A service owns the directory of its state, and root reads there.
func TestReadJSONReadsRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	fifo, link, file := filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := errors.Join(unix.Mkfifo(fifo, 0o600), os.WriteFile(file, []byte("7"), 0o600), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{fifo: false, link: false, dir: false, file: true} {
		read := make(chan error, 1)
		go func() {
			n := 0
			_, err := durable.ReadJSON(path, &n)
			if err == nil && n != 7 {
				err = errors.New("another value")
			}
			read <- err
		}()
		select {
		case err := <-read:
			if (err == nil) != want {
				t.Errorf("%s: %v", path, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: still reading", path)
		}
	}
}
