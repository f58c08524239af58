package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/durable"
)

// Directory is a target that is a directory, best one mounted from another machine.
// The directory must be there: one that is not may be a mount that failed.
type Directory string

var _ Store = Directory("")

func (d Directory) path(name string) string {
	return filepath.Join(string(d), filepath.FromSlash(name))
}

func (d Directory) String() string { return string(d) }

// Close has nothing to do.
func (d Directory) Close() error { return nil }

// Put writes a temporary file, syncs it, renames it and syncs the directory.
func (d Directory) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	path := d.path(name)
	f, err := d.create(filepath.Dir(path))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = errors.Join(f.Sync(), ctx.Err())
	}
	err = errors.Join(err, f.Close())
	if err == nil && !at.IsZero() {
		err = os.Chtimes(f.Name(), at, at)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// create makes a temporary file. Delete removes a directory with its last file, so
// that the directory may have to be made more than once.
func (d Directory) create(dir string) (f *os.File, err error) {
	for range 5 {
		if err = makeDirs(dir, string(d)); err == nil {
			f, err = os.CreateTemp(dir, unfinished+"-*")
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if _, away := os.Stat(string(d)); away != nil {
			return nil, away
		}
	}
	return f, err
}

// makeDirs makes dir and what is missing above it, durably; never root itself.
func makeDirs(dir, root string) error {
	if dir == filepath.Clean(root) {
		_, err := os.Stat(root)
		return err
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDirs(filepath.Dir(dir), root); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir is durable.SyncDir, but accepts file systems, such as some of FUSE, that
// cannot sync a directory.
func syncDir(dir string) error {
	if err := durable.SyncDir(dir); !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// Open opens a file.
func (d Directory) Open(_ context.Context, name string, from, length int64) (io.ReadCloser, error) {
	f, err := os.Open(d.path(name))
	if err != nil || (from == 0 && length < 0) {
		return f, err
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return limited(f, length), nil
}

// limited ends body after length bytes, unless that is negative.
func limited(body io.ReadCloser, length int64) io.ReadCloser {
	if length < 0 {
		return body
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, length), body}
}

// Stat looks at a file.
func (d Directory) Stat(_ context.Context, name string) (File, error) {
	info, err := os.Stat(d.path(name))
	if err != nil {
		return File{}, err
	}
	return file(name, info), nil
}

func file(name string, info fs.FileInfo) File {
	return File{Name: name, Size: info.Size(), ModifiedAt: info.ModTime(), IsDir: info.IsDir()}
}

func (d Directory) raw(_ context.Context, name string) ([]File, error) {
	entries, err := os.ReadDir(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(string(d))
	}
	if err != nil {
		return nil, err
	}
	out := make([]File, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, file(e.Name(), info))
	}
	return out, nil
}

// Walk lists all files below a directory.
func (d Directory) Walk(ctx context.Context, name string) ([]File, error) {
	if _, err := os.Stat(string(d)); err != nil {
		return nil, err
	}
	var out []File
	err := filepath.WalkDir(d.path(name), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), unfinished) {
			return errors.Join(err, ctx.Err())
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(string(d), path)
		out = append(out, file(filepath.ToSlash(inside), info))
		return err
	})
	return out, err
}

// Delete removes a file and the directories that it leaves empty.
func (d Directory) Delete(_ context.Context, name string) error {
	path := d.path(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := filepath.Dir(path); dir != filepath.Clean(string(d)) && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
	}
	return nil
}

// Free is the free space of the directory's file system.
func (d Directory) Free(context.Context) (int64, error) {
	// Where the directory is missing, its parent's file system is not the target.
	if _, err := os.Stat(string(d)); err != nil {
		return 0, fmt.Errorf("looking at the free space of %s: %w", d, err)
	}
	space, err := durable.SpaceAt(string(d))
	return space.Bytes, err
}

// allocate makes a file that only takes space.
func (d Directory) allocate(name string, size int64) error {
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		// Such a file system may store zeros without taking space. Then there is no
		// ballast, and Reserve has to suffice.
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
