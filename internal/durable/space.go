package durable

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Space is the room on a file system.
type Space struct {
	Path   string // an existing directory on it
	Bytes  int64  // that an ordinary account may still write
	Inodes int64  // that may still be created; -1 where there is no fixed number
	Size   int64  // bytes of the whole file system
}

// SpaceAt is the room at a path, which need not exist: its nearest existing
// parent counts.
func SpaceAt(path string) (Space, error) {
	at := filepath.Clean(path)
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(at, &st); err != nil {
		return Space{}, fmt.Errorf("asking for the free space of %s: %w", at, err)
	}
	s := Space{Path: at, Bytes: int64(st.Bavail) * st.Bsize, Inodes: int64(st.Ffree), Size: int64(st.Blocks) * st.Bsize}
	if st.Files == 0 { // as on btrfs
		s.Inodes = -1
	}
	return s, nil
}
