package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/durable"
)

// Directory is a target that is a directory, best one mounted from another machine.
// The directory must be there: one that is not may be a mount that failed.
type Directory string

var _ Store = Directory("")

// root opens the directory. Links in it lead nowhere else.
func (d Directory) root() (*os.Root, error) { return os.OpenRoot(string(d)) }

func (d Directory) String() string { return string(d) }

// Close has nothing to do.
func (d Directory) Close() error { return nil }

// Put writes a temporary file, syncs it, renames it and syncs the directory.
func (d Directory) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := named(name); err != nil {
		return err
	}
	root, err := d.root()
	if err != nil {
		return err
	}
	defer root.Close()
	temporary, f, err := d.create(root, path.Dir(name))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = errors.Join(f.Sync(), ctx.Err())
	}
	err = errors.Join(err, f.Close())
	if err == nil && !at.IsZero() {
		err = root.Chtimes(temporary, at, at)
	}
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return syncDir(root, path.Dir(name))
}

// create makes a temporary file. Delete removes a directory with its last file, so
// that the directory may have to be made more than once.
func (d Directory) create(root *os.Root, dir string) (name string, f *os.File, err error) {
	for range 5 {
		if err = d.makeDirs(root, dir); err == nil {
			name = path.Join(dir, unfinished+"-"+uuid.NewString())
			f, err = root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		}
		if err == nil {
			if f, err = d.give(f); err != nil {
				err = errors.Join(err, root.Remove(name))
			}
			return name, f, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if _, away := os.Stat(string(d)); away != nil {
			return "", nil, away
		}
	}
	return name, f, err
}

// makeDirs makes dir and what is missing above it, durably; never root itself.
func (d Directory) makeDirs(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	err := root.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.makeDirs(root, path.Dir(dir)); err == nil {
			err = root.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	made, err := root.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	if made, err = d.give(made); err != nil {
		return errors.Join(err, root.Remove(dir))
	}
	return errors.Join(made.Close(), syncDir(root, path.Dir(dir)))
}

// give gives what root has just made to the account that the target belongs to, whose
// jobs could neither read nor replace it otherwise. On an error f is closed.
func (d Directory) give(f *os.File) (*os.File, error) {
	if os.Geteuid() != 0 {
		return f, nil
	}
	info, err := os.Stat(string(d))
	if err == nil {
		var made fs.FileInfo
		if made, err = f.Stat(); err == nil {
			to, of := info.Sys().(*syscall.Stat_t), made.Sys().(*syscall.Stat_t) // what os returns on Linux
			if to.Uid != of.Uid {                                                // a file server may give it to whom it likes, and refuse to be told
				err = f.Chown(int(to.Uid), int(to.Gid))
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// syncDir syncs a directory, but accepts file systems, such as some of FUSE, that cannot.
func syncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, unix.EINVAL) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// Open opens a file. A pipe in its place would keep whoever opens it waiting.
func (d Directory) Open(_ context.Context, name string, from, length int64) (io.ReadCloser, error) {
	if err := named(name); err != nil {
		return nil, err
	}
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file but a %s", name, kind(info.Mode()))
	}
	if err == nil && from > 0 {
		_, err = f.Seek(from, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return limited(capped(f), length), nil
}

// kind is what is in the place of a file, for people.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "link"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "something else"
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
	if err := named(name); err != nil {
		return File{}, err
	}
	root, err := d.root()
	if err != nil {
		return File{}, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = fmt.Errorf("%s is not a file but a %s", name, kind(info.Mode()))
	}
	if err != nil {
		return File{}, err
	}
	return file(name, info), nil
}

func file(name string, info fs.FileInfo) File {
	return File{Name: name, Size: info.Size(), ModifiedAt: info.ModTime(), IsDir: info.IsDir()}
}

// Links, pipes and devices are none of ours, and are not listed.
func listable(m fs.FileMode) bool { return m.IsRegular() || m.IsDir() }

func (d Directory) raw(_ context.Context, name string) ([]File, error) {
	if err := namedDir(name); err != nil {
		return nil, err
	}
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	l := listing{flat: true}
	err = readDir(root, path.Join(".", name), func(info fs.FileInfo) error {
		if !listable(info.Mode()) {
			return nil
		}
		return l.add(file(info.Name(), info))
	})
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(string(d))
	}
	return l.files, err
}

// readDir visits the entries of a directory, some at a time.
func readDir(root *os.Root, name string, visit func(fs.FileInfo) error) error {
	dir, err := root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1000)
		for _, e := range entries {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err == nil {
				err = visit(info)
			}
			if err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Walk lists all files below a directory.
func (d Directory) Walk(ctx context.Context, name string) ([]File, error) {
	if err := namedDir(name); err != nil {
		return nil, err
	}
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	l := listing{}
	err = walk(ctx, root, path.Join(".", name), &l)
	return l.files, err
}

func walk(ctx context.Context, root *os.Root, dir string, l *listing) error {
	if strings.Count(dir, "/") >= deepest {
		return nil // none of ours
	}
	var below []string
	err := readDir(root, dir, func(info fs.FileInfo) error {
		inside := path.Join(dir, info.Name())
		switch {
		case info.IsDir() && ours(inside):
			below = append(below, inside)
		case info.Mode().IsRegular() && !strings.HasPrefix(info.Name(), unfinished):
			return l.add(file(inside, info))
		}
		return ctx.Err()
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, inside := range below {
		if err == nil {
			err = walk(ctx, root, inside, l)
		}
	}
	return err
}

// Delete removes a file and the directories that it leaves empty.
func (d Directory) Delete(_ context.Context, name string) error {
	if err := named(name); err != nil {
		return err
	}
	root, err := d.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := path.Dir(name); dir != "." && root.Remove(dir) == nil; dir = path.Dir(dir) {
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
	root, err := d.root()
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if f, err = d.give(f); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		// Such a file system may store zeros without taking space. Then there is no
		// ballast, and Reserve has to suffice.
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}
