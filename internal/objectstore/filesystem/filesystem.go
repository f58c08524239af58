// Package filesystem keeps objects as files below one directory: the engine of
// an evaluation without MinIO.
//
// An object is one file, its key plus ",v1". The suffix cannot occur in a key,
// so an object "a" and an object "a/b" live side by side, and it names the
// version of the form: the bytes as they came, then a trailer of fixed size with
// the content type. One file means one rename makes an object appear or change
// whole. A second file for the content type would need two, and many file systems
// lack extended attributes (tmpfs before Linux 6.6, some NFS). The trailer is last so
// that a viewer still opens a picture, and has a fixed size so that a list reads only
// the directory.
package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/objectstore"
)

const (
	suffix   = ",v1"
	incoming = ",incoming" // files being written; no key can name it

	// abandoned is when a file in incoming can only be the rest of a crash.
	abandoned = 24 * time.Hour
)

// Store is the directory; see objectstore.Store.
type Store struct{ root string }

var _ objectstore.Store = (*Store)(nil)

// New returns the store in dir, which Prepare makes if it is not there.
func New(dir string) (*Store, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the picture directory: %w", err)
	}
	return &Store{root: root}, nil
}

// Prepare makes the directory and clears away what a crash left half written.
func (s *Store) Prepare(context.Context) error {
	dir := filepath.Join(s.root, incoming)
	if err := makeDirs(dir); err != nil {
		return fmt.Errorf("making the picture directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading %s: %w", dir, err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || time.Since(info.ModTime()) < abandoned {
			continue // removed meanwhile, or still being written
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clearing away an abandoned upload: %w", err)
		}
	}
	return nil
}

// Check proves that the directory is there.
func (s *Store) Check(context.Context) error {
	info, err := os.Stat(filepath.Join(s.root, incoming))
	if err != nil {
		return fmt.Errorf("looking at the picture directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", info.Name())
	}
	return nil
}

// Get opens an object.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, objectstore.Object, error) {
	f, object, err := s.open(ctx, key)
	if err != nil {
		return nil, objectstore.Object{}, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, 0, object.Size), f}, object, nil
}

// Stat describes an object.
func (s *Store) Stat(ctx context.Context, key string) (objectstore.Object, error) {
	f, object, err := s.open(ctx, key)
	if err != nil {
		return objectstore.Object{}, err
	}
	return object, f.Close()
}

// Delete removes an object and the directories it leaves empty.
func (s *Store) Delete(ctx context.Context, key string) error {
	path, err := s.path(ctx, key)
	if err != nil {
		return err
	}
	err = os.Remove(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing object %s: %w", key, err)
	}
	dir := filepath.Dir(path)
	if err := durable.SyncDir(dir); err != nil && !absent(err) {
		return fmt.Errorf("removing object %s: %w", key, err)
	}
	// The first directory that is not empty ends the loop. Put tries again when a
	// directory is removed before its rename.
	for ; dir != s.root; dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break
		}
	}
	return nil
}

func (s *Store) open(ctx context.Context, key string) (*os.File, objectstore.Object, error) {
	path, err := s.path(ctx, key)
	if err != nil {
		return nil, objectstore.Object{}, err
	}
	f, err := os.Open(path)
	if absent(err) {
		return nil, objectstore.Object{}, fmt.Errorf("object %s: %w", key, objectstore.ErrNotFound)
	}
	if err != nil {
		return nil, objectstore.Object{}, fmt.Errorf("opening object %s: %w", key, err)
	}
	info, err := f.Stat()
	if err == nil {
		var contentType string
		if contentType, err = readTrailer(f, info.Size()); err == nil {
			return f, objectstore.Object{
				Key: key, Size: info.Size() - trailerSize,
				ContentType: contentType, ModifiedAt: info.ModTime(),
			}, nil
		}
	}
	return nil, objectstore.Object{}, errors.Join(fmt.Errorf("opening object %s: %w", key, err), f.Close())
}

// path is the file of an object. A key that passes cannot leave the root.
func (s *Store) path(ctx context.Context, key string) (string, error) {
	if err := objectstore.CheckKey(key); err != nil {
		return "", err
	}
	return filepath.Join(s.root, filepath.FromSlash(key)) + suffix, ctx.Err()
}

// absent reports whether err says that a path or its directory does not exist.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
