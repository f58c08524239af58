package durable_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/durable"
)

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

// victims are a directory of root's with a file, outside of what the account owns.
func victims(t *testing.T) (dir, file string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir = t.TempDir()
	file = filepath.Join(dir, "victim")
	if err := os.WriteFile(file, []byte("root's"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// A hard link is another name of the same file: to give it is to give that file. The
// kernel refuses to make such links only where fs.protected_hardlinks is on.
func TestATreeIsNotGivenWithAHardLinkToAFileOfRoots(t *testing.T) {
	dir, victim := victims(t)
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(victim, filepath.Join(tree, "archive")); err != nil {
		t.Fatal(err)
	}
	if err := durable.ChownTree(tree, 65534, 65534); err == nil || !strings.Contains(err.Error(), "archive") {
		t.Errorf("it was not refused by its name: %v", err)
	}
	if owner := ownerOf(t, victim); owner != 0 {
		t.Errorf("the file of root's belongs to %d", owner)
	}
}

// The account changes directories and links in the tree while root gives it away.
func TestATreeIsGivenWhileItsAccountSwapsLinks(t *testing.T) {
	outside, victim := victims(t)
	tree := t.TempDir()
	below := filepath.Join(tree, "sets")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(below, "victim"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(tree, "link")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = unix.Renameat2(unix.AT_FDCWD, below, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			for range random.IntN(500) {
				_ = os.Getpid()
			}
		}
	}()
	for range 2000 {
		_ = durable.ChownTree(tree, 65534, 65534) // it may meet a directory that has gone
	}
	close(stop)
	<-stopped
	if a, b := ownerOf(t, victim), ownerOf(t, outside); a != 0 || b != 0 {
		t.Errorf("the file of root's belongs to %d, its directory to %d", a, b)
	}
}

// What the account makes of a file that root reads keeps root neither waiting nor
// reading elsewhere.
func TestAFileBelowADirectoryOfAnAccount(t *testing.T) {
	outside, victim := victims(t)
	root := t.TempDir()
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(data, "PG_VERSION")
	for rule, plant := range map[string]func() error{
		"a link to a file of root's": func() error { return os.Symlink(victim, path) },
		"a FIFO":                     func() error { return unix.Mkfifo(path, 0o600) },
		"a directory":                func() error { return os.Mkdir(path, 0o700) },
		"a file that is too large":   func() error { return os.WriteFile(path, make([]byte, 65), 0o600) },
	} {
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.ReadBelow(root, "data/PG_VERSION", 64); err == nil {
			t.Errorf("%s was read: %q", rule, got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, data); err != nil {
		t.Fatal(err)
	}
	if got, err := durable.ReadBelow(root, "data/victim", 64); err == nil {
		t.Errorf("through a link in place of the directory: %q", got)
	}
}
