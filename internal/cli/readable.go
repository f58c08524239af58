package cli

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/bugspark/bugspark/internal/fault"
)

// readableBy reports whether an account may read a file, by the permissions of
// the file and of every directory above it. Access lists are not looked at: they
// only ever allow more, so a refusal names them as a way out.
func readableBy(account, path string) error {
	u, err := user.Lookup(account)
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "install the package again: apt install --reinstall bugspark", "looking for the account %s", account)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("reading the groups of %s: %w", account, err)
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
		mode := info.Mode().Perm()
		var have fs.FileMode
		switch {
		case strconv.Itoa(int(st.Uid)) == u.Uid:
			have = mode >> 6 & 7
		case slices.Contains(groups, strconv.Itoa(int(st.Gid))):
			have = mode >> 3 & 7
		default:
			have = mode & 7
		}
		if have&need == 0 {
			return fault.New(fault.Preflight,
				fmt.Sprintf("chgrp %s %s && chmod g+%s %s (or allow it with setfacl)", account, at, map[fs.FileMode]string{4: "r", 1: "x"}[need], at),
				"the account %s may not read %s, because of the permissions of %s", account, path, at)
		}
		if at == "/" {
			return nil
		}
		need = 0o1
	}
}
