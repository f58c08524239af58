package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ChownTree gives a directory and everything below it to an account, which may own and
// change all of that meanwhile. Each file is opened once, looked at and given by that
// descriptor, whatever its name leads to by then. Links are given themselves and never
// followed. A file with another name is refused, unless it is the account's already: that
// name may be elsewhere.
func ChownTree(dir string, uid, gid int) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return chownDir(os.NewFile(uintptr(fd), dir), uid, gid)
}

// chownDir gives an open directory, which it closes.
func chownDir(dir *os.File, uid, gid int) error {
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := chownEntry(dir, name, uid, gid); err != nil {
			return err
		}
	}
	// The directory itself comes last: one that is not the account's yet nobody else can
	// change until then.
	return dir.Chown(uid, gid)
}

func chownEntry(dir *os.File, name string, uid, gid int) error {
	path := filepath.Join(dir.Name(), name)
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }() // nothing was written
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		below, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return chownDir(os.NewFile(uintptr(below), path), uid, gid)
	}
	if int(st.Uid) == uid && int(st.Gid) == gid {
		return nil
	}
	if st.Nlink != 1 && int(st.Uid) != uid {
		return fmt.Errorf("%s has another name, and is not given away", path)
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "chown", Path: path, Err: err}
	}
	return nil
}

// GiveDir gives a directory itself to an account. What leads to it is trusted.
func GiveDir(path string, uid, gid int) error {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(dir.Chown(uid, gid), dir.Close())
}

// GiveFile gives a regular file to an account. A link that somebody has put in its place,
// also a hard one, is refused: it would give away another file.
func GiveFile(path string, uid, gid int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 {
		return fmt.Errorf("%s is a link, or no file", path)
	}
	return f.Chown(uid, gid)
}
