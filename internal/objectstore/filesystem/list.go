package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// List walks the directory in key order. Objects that come or go meanwhile may
// or may not be seen.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[objectstore.Object, error] {
	return func(yield func(objectstore.Object, error) bool) {
		if err := objectstore.CheckPrefix(prefix); err != nil {
			yield(objectstore.Object{}, err)
			return
		}
		base := prefix[:strings.LastIndex(prefix, "/")+1]
		w := walk{root: s.root, prefix: prefix, yield: yield}
		if err := w.dir(ctx, base); err != nil && !errors.Is(err, errStopped) {
			yield(objectstore.Object{}, fmt.Errorf("listing objects: %w", err))
		}
	}
}

var errStopped = errors.New("the caller has seen enough")

type walk struct {
	root   string
	prefix string
	yield  func(objectstore.Object, error) bool
}

// dir yields the objects whose keys start with base, which is empty or ends in
// a slash.
func (w *walk) dir(ctx context.Context, base string) error {
	entries, err := os.ReadDir(filepath.Join(w.root, filepath.FromSlash(base)))
	if errors.Is(err, fs.ErrNotExist) && base != "" {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	type child struct {
		key   string // a directory's ends in a slash, which is where keys sort it
		entry fs.DirEntry
	}
	children := make([]child, 0, len(entries))
	for _, entry := range entries {
		name, object := strings.CutSuffix(entry.Name(), suffix)
		if entry.IsDir() && objectstore.CheckKey(entry.Name()) == nil {
			children = append(children, child{base + entry.Name() + "/", entry})
		} else if object && entry.Type().IsRegular() {
			children = append(children, child{base + name, entry})
		}
	}
	slices.SortFunc(children, func(a, b child) int { return strings.Compare(a.key, b.key) })

	for _, c := range children {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case c.entry.IsDir():
			if !strings.HasPrefix(c.key, w.prefix) && !strings.HasPrefix(w.prefix, c.key) {
				continue
			}
			if err := w.dir(ctx, c.key); err != nil {
				return err
			}
		case strings.HasPrefix(c.key, w.prefix):
			info, err := c.entry.Info()
			if absent(err) {
				continue
			}
			if err != nil {
				return err
			}
			if info.Size() < trailerSize {
				return fmt.Errorf("%s: %w", c.key, errTrailer)
			}
			if !w.yield(objectstore.Object{Key: c.key, Size: info.Size() - trailerSize, ModifiedAt: info.ModTime()}, nil) {
				return errStopped
			}
		}
	}
	return ctx.Err()
}
