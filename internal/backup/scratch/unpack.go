package scratch

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

// Unpack writes the tar of a base backup below a directory of root, which no name in it
// can leave. wrote hears of every file.
func Unpack(root *os.Root, dir string, body io.Reader, wrote func(bytes int64) error) error {
	if err := root.Mkdir(dir, 0o700); err != nil {
		return err
	}
	t := tar.NewReader(body)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Join(dir, path.Clean("/"+h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o700)
		case tar.TypeReg:
			err = unpackFile(root, name, t, h.Size, wrote)
		default:
			// Tablespaces elsewhere are links, and none of ours has any.
			err = fmt.Errorf("%s is of a kind (%c) that a cluster of ours does not have", h.Name, h.Typeflag)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, name string, body io.Reader, size int64, wrote func(int64) error) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err == nil && n != size {
		err = fmt.Errorf("%d bytes came instead of %d", n, size)
	}
	if err == nil {
		err = wrote(n)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
