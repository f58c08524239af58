package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/objectstore"
)

// Put writes the object beside its place, syncs it, renames it and syncs the
// directory, so that a power cut leaves the old object or the new one.
//
// Unfinished files are in one directory of the same file system rather than beside
// their targets, so that Prepare finds what a crash left.
func (s *Store) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) (err error) {
	path, err := s.path(ctx, key)
	if err != nil {
		return err
	}
	last, err := trailer(contentType)
	if err != nil {
		return fmt.Errorf("storing object %s: %w", key, err)
	}
	f, err := os.CreateTemp(filepath.Join(s.root, incoming), "put-*")
	if err != nil {
		return fmt.Errorf("storing object %s: %w", key, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("storing object %s: %w", key, errors.Join(err, discard(f)))
		}
	}()
	if err := write(ctx, f, body, size, last); err != nil {
		return err
	}
	return publish(f.Name(), path)
}

// write fills f with exactly size bytes of body and the trailer, durably.
func write(ctx context.Context, f *os.File, body io.Reader, size int64, trailer []byte) error {
	if err := objectstore.CopyExact(ctx, f, body, size); err != nil {
		return err
	}
	if _, err := f.Write(trailer); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// publish renames a finished file to its place and makes the name durable. It
// begins again when Delete removes the directory, empty for a moment, under it.
func publish(from, to string) error {
	dir := filepath.Dir(to)
	for {
		err := makeDirs(dir)
		if err == nil {
			err = os.Rename(from, to)
		}
		if err == nil {
			break
		}
		if _, gone := os.Lstat(from); !absent(err) || gone != nil {
			return err
		}
	}
	if err := durable.SyncDir(dir); err != nil && !absent(err) {
		return err
	}
	return nil
}

// discard closes and removes a file that was not published. A file that was
// published or closed already is no error.
func discard(f *os.File) error {
	if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	if err := os.Remove(f.Name()); err != nil && !absent(err) {
		return err
	}
	return nil
}

// makeDirs is os.MkdirAll whose new names survive a power cut.
func makeDirs(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDirs(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return durable.SyncDir(parent)
}
