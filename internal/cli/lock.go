package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
)

// lockDir makes sure that one process at a time works on dir. The kernel drops
// the lock when the process ends, however it ends.
func lockDir(dir string) (unlock func(), err error) {
	return lockFile(filepath.Join(dir, "lock"), fault.New(fault.Preflight, "stop the other one, or choose another --dir", "another bugspark works on %s", dir))
}

// lockFile takes the lock of a file, or fails with busy.
func lockFile(path string, busy error) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, busy
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
