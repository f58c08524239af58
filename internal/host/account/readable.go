package account

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/bugspark/bugspark/internal/fault"
)

// MayRead refuses a file that an account may not read, by the permissions of the
// file and of every directory above it. Access control lists are not looked at. No
// remedy is named: whose files and directories they are, only the caller knows.
func MayRead(name, path string) error {
	c, err := find(name)
	if err != nil {
		return missing(err, name)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("following %s: %w", path, err)
	}
	need := fs.FileMode(0o4)
	for at := real; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("looking at %s: %w", at, err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if permitted(info.Mode().Perm(), st.Uid, st.Gid, c)&need == 0 {
			return fault.New(fault.Preflight, "",
				"the account %s may not read %s, because of the permissions of %s", name, path, at)
		}
		if at == "/" {
			return nil
		}
		need = 0o1
	}
}

// permitted are the bits of a mode that hold for an account: those of the owner,
// else of a group, else of others. The kernel never adds them up.
func permitted(mode fs.FileMode, uid, gid uint32, c *syscall.Credential) fs.FileMode {
	switch {
	case uid == c.Uid:
		return mode >> 6 & 7
	case gid == c.Gid || slices.Contains(c.Groups, gid):
		return mode >> 3 & 7
	default:
		return mode & 7
	}
}
