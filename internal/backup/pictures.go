package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/objectstore"
)

// picture is an object in a set or in the archive. size is -1 in the archive, which
// stores it compressed.
type picture struct {
	key  string
	size int64
	open func() (io.ReadCloser, error)
}

// pictures visits every object that a restore point can bring back: those of its
// set, of the first set after its moment, and those that were archived in between.
// It visits an object once for each place that has it.
func (c RestorePoint) pictures(ctx context.Context, r *repository.Repository, a *archive.Archive, visit func(picture) error) error {
	for _, set := range []string{c.Set, c.Later} {
		if set == "" {
			continue
		}
		err := r.Walk(ctx, set, objectsPart, func(key string, size int64, open func() (io.ReadCloser, error)) error {
			return visit(picture{key, size, open})
		})
		if err != nil {
			return err
		}
	}
	if !c.Replay || a == nil {
		return nil
	}
	archived, err := a.Pictures(ctx)
	if err != nil {
		return err
	}
	for key := range archived {
		if err := visit(picture{key, -1, func() (io.ReadCloser, error) { return a.Picture(ctx, key) }}); err != nil {
			return err
		}
	}
	return nil
}

// PictureCounts is the result of PutPictures.
type PictureCounts struct {
	Put     int64 `json:"put"`
	Present int64 `json:"present"` // were there already
}

// PutPictures puts every picture of a restore point into a store that lacks it.
// Objects never change, so one that is there under its key and with its size stays.
// Nothing is removed, because undoing the restore needs what was there.
func PutPictures(ctx context.Context, c RestorePoint, r *repository.Repository, a *archive.Archive, store objectstore.Store, report func(Progress)) (PictureCounts, error) {
	there := map[string]int64{}
	for o, err := range store.List(ctx, "") {
		if err != nil {
			return PictureCounts{}, fmt.Errorf("listing the pictures that are there: %w", err)
		}
		there[o.Key] = o.Size
	}
	var out PictureCounts
	var returned atomic.Int64
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(8)
	err := c.pictures(inner, r, a, func(p picture) error {
		if size, ok := there[p.key]; ok && (p.size < 0 || size == p.size) {
			out.Present++
			return inner.Err()
		}
		there[p.key] = p.size
		out.Put++
		group.Go(func() error {
			n, err := put(inner, store, p)
			if err != nil {
				return fmt.Errorf("bringing back picture %s: %w", p.key, err)
			}
			report(Progress{Part: objectsPart, Bytes: returned.Add(n), Total: c.Document.Objects.Bytes})
			return nil
		})
		return inner.Err()
	})
	return out, errors.Join(group.Wait(), err)
}

func put(ctx context.Context, store objectstore.Store, p picture) (int64, error) {
	body, err := p.open()
	if err != nil {
		return 0, err
	}
	defer body.Close()
	kind := mime.TypeByExtension(path.Ext(p.key))
	if kind == "" {
		kind = "application/octet-stream"
	}
	if p.size < 0 {
		// The archive holds single pictures, which the product limits to megabytes.
		data, err := io.ReadAll(body)
		if err != nil {
			return 0, err
		}
		return int64(len(data)), store.Put(ctx, p.key, kind, bytes.NewReader(data), int64(len(data)))
	}
	return p.size, store.Put(ctx, p.key, kind, body, p.size)
}

// missingAtMost bounds what MissingPictures lists.
const missingAtMost = 1000

// MissingPictures lists pictures that the recovered database names and no backup has.
func MissingPictures(ctx context.Context, product Product, s *scratch.Client, c RestorePoint, r *repository.Repository, a *archive.Archive) ([]string, error) {
	there := map[string]bool{}
	err := c.pictures(ctx, r, a, func(p picture) error {
		there[p.key] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []string
	err = pictureKeys(ctx, product, s, func(key string) error {
		if !there[key] && len(out) < missingAtMost {
			out = append(out, key)
		}
		return nil
	})
	return out, err
}
