// Package durable does with files what must survive a power cut or be done by
// one process at a time: it replaces files atomically, syncs directories, takes
// locks, and tells how much room is left.
package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// WriteFile replaces a file atomically. When it returns nil, the content and the
// name are on the disk. The file gets exactly this mode, whatever the umask is.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	if err := renameio.WriteFile(path, data, mode, renameio.WithStaticPermissions(mode), renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
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

// ReadJSON reads a file into value and reports whether there is one. Without a
// file value stays as it is.
func ReadJSON(path string, value any) (found bool, err error) {
	data, err := os.ReadFile(path)
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

// SyncDir makes the names in a directory durable: those created, renamed and
// removed before.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
