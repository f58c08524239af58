package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ChownTree gives a directory and everything below it to an account. Links are
// given themselves and never followed: what they point at stays as it is.
func ChownTree(dir string, uid, gid int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		return root.Lchown(filepath.FromSlash(path), uid, gid)
	})
	// The directory itself comes last: until then nobody else can change it.
	return errors.Join(err, os.Lchown(dir, uid, gid))
}
