package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Room on a target, in bytes.
const (
	// Reserve is what the archive leaves free, so that letting old backups go,
	// which has to write before it can delete, finds room.
	Reserve = 32 << 20
	// ballastSize is given up when somebody else has filled the file system.
	ballastSize = 64 << 20
)

const ballastFile = "ballast"

// Free is the room on the file system of a directory.
func Free(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("looking at the free space of %s: %w", dir, err)
	}
	return int64(fs.Bavail) * fs.Bsize, nil
}

// Ballast puts a file on the target that only takes room, if there is plenty.
func (t *Target) Ballast() error {
	path := filepath.Join(t.Dir, ballastFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if free, err := Free(t.Dir); err != nil || free < 4*ballastSize {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("taking ballast: %w", err)
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, ballastSize)
	if errors.Is(err, unix.EOPNOTSUPP) {
		// Such a file system may also store zeros in no room at all; then there is no
		// ballast, and the reserve has to do.
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("taking ballast: %w", err), os.Remove(path))
	}
	return nil
}

// Release gives the ballast up when the target is full.
func (t *Target) Release() (released bool, err error) {
	if free, err := Free(t.Dir); err != nil || free >= Reserve {
		return false, err
	}
	err = os.Remove(filepath.Join(t.Dir, ballastFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("giving up the ballast: %w", err)
	}
	return true, nil
}
