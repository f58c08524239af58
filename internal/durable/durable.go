// Package durable does with files what must survive a power cut or be done by
// one process at a time: it replaces files atomically, syncs directories, takes
// locks, and tells how much room is left.
package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// WriteFile replaces a file atomically. When it returns nil, the content and the
// name are on the disk. The file gets exactly this mode, whatever the umask is.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	if err := renameio.WriteFile(path, data, mode, renameio.WithStaticPermissions(mode), renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// WriteStream is WriteFile for content that is too large for memory.
func WriteStream(path string, from io.Reader, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(mode), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() { _ = f.Cleanup() }() // after the file took its place it does nothing
	if _, err := io.Copy(f, from); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// Remove removes a file, and its name from the disk. One that is not there is no
// error.
func Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// CreateFile writes a file that does not exist yet, and reports whether it did:
// one that exists stays as it is.
func CreateFile(path string, data []byte, mode fs.FileMode) (created bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return false, errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(path))
	}
	return true, SyncDir(filepath.Dir(path))
}

// WriteJSON replaces a file by the indented JSON of value.
func WriteJSON(path string, value any, mode fs.FileMode) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return WriteFile(path, append(data, '\n'), mode)
}

// maxJSON is far above what any of these files has come to, and little beside the memory
// of a service: whoever owns one may make it as large as its disk, or larger with a hole.
const maxJSON = 4 << 20 // bytes

// ReadJSON reads a file into value and reports whether there is one. Without a
// file value stays as it is.
func ReadJSON(path string, value any) (found bool, err error) {
	data, err := readRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, value); err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	return true, nil
}

// readRegular reads a regular file and nothing else. The directory may belong to a
// service, and a FIFO of its making would keep its reader for ever.
func readRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	return readAll(f, path, maxJSON)
}

func readAll(f *os.File, path string, limit int64) ([]byte, error) {
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "reading", Path: path, Err: errors.New("it is not a regular file")}
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "reading", Path: path, Err: fmt.Errorf("it is larger than %d bytes", limit)}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ReadBelow reads a regular file of at most limit bytes in a directory that another account
// may change. No link in it leads out of root, and root itself belongs to somebody trusted.
func ReadBelow(root, name string, limit int64) ([]byte, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return readAll(f, filepath.Join(root, name), limit)
}

// SyncDir makes the names in a directory durable: those created, renamed and
// removed before.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
