package archive

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
)

// Directory is the archive's part of a target that is a directory. The
// directory must be there: one that is not may be a mount that failed.
type Directory struct {
	Target  string
	Reserve int64 // bytes that are left free
}

var _ Blobs = Directory{}

const (
	below      = "archive"
	unfinished = ".incoming" // prefix of files being written
)

func (d Directory) path(name string) string {
	return filepath.Join(d.Target, below, filepath.FromSlash(name))
}

// Put writes beside the place, syncs, renames and syncs the directory.
func (d Directory) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := d.room(); err != nil {
		return err
	}
	path := d.path(name)
	dir := filepath.Dir(path)
	if err := makeDirs(dir, d.Target); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, unfinished+"-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = errors.Join(f.Sync(), ctx.Err())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Chtimes(f.Name(), at, at)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// room fails when so little is free that deleting old backups, which writes
// first, would soon be impossible.
func (d Directory) room() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.Target, &fs); err != nil {
		return fmt.Errorf("looking at the backup target: %w", err)
	}
	if free := int64(fs.Bavail) * fs.Bsize; free < d.Reserve {
		return fmt.Errorf("the backup target %s has only %d MiB free: %w", d.Target, free>>20, unix.ENOSPC)
	}
	return nil
}

// makeDirs makes dir and what is missing above it, up to target, durably.
func makeDirs(dir, target string) error {
	if dir == filepath.Clean(target) {
		return nil
	}
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		return syncDir(filepath.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := makeDirs(filepath.Dir(dir), target); err != nil {
		return err
	}
	return makeDirs(dir, target)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, unix.EINVAL) {
		err = nil // a file system (some of FUSE) that cannot
	}
	return errors.Join(err, f.Close())
}

// Open opens a file.
func (d Directory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	return f, err
}

// List walks a directory; one that is not there holds nothing.
func (d Directory) List(ctx context.Context, dir string) ([]Blob, error) {
	if _, err := os.Stat(d.Target); err != nil {
		return nil, err
	}
	var out []Blob
	err := filepath.WalkDir(d.path(dir), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), unfinished) {
			return errors.Join(err, ctx.Err())
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Join(d.Target, below), path)
		out = append(out, Blob{filepath.ToSlash(name), info.Size(), info.ModTime()})
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
	for dir := filepath.Dir(path); dir != filepath.Join(d.Target, below) && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
	}
	return nil
}
