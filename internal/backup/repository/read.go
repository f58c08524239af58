package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kopia/kopia/fs"
	"github.com/kopia/kopia/repo"
	"github.com/kopia/kopia/repo/manifest"
	"github.com/kopia/kopia/snapshot"
	"github.com/kopia/kopia/snapshot/snapshotfs"
)

// Set is one saved set as the repository knows it.
type Set struct {
	ID      string
	Kind    string
	BeganAt time.Time
	EndedAt time.Time
	Bytes   int64 // of what it holds, before deduplication and compression
	Files   int64
}

// manifests are the complete sets, newest first.
func (r *Repository) manifests(ctx context.Context) ([]*snapshot.Manifest, error) {
	all, err := snapshot.ListSnapshots(ctx, r.rep, source())
	if err != nil {
		return nil, fmt.Errorf("listing the sets: %w", err)
	}
	all = slices.DeleteFunc(all, func(m *snapshot.Manifest) bool { return m.IncompleteReason != "" || m.RootEntry == nil })
	slices.SortFunc(all, func(a, b *snapshot.Manifest) int { return b.StartTime.ToTime().Compare(a.StartTime.ToTime()) })
	return all, nil
}

// Sets lists the sets, newest first.
func (r *Repository) Sets(ctx context.Context) ([]Set, error) {
	all, err := r.manifests(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Set, len(all))
	for i, m := range all {
		out[i] = Set{string(m.ID), m.Description, m.StartTime.ToTime(), m.EndTime.ToTime(), m.Stats.TotalFileSize, int64(m.Stats.TotalFileCount)}
	}
	return out, nil
}

func (r *Repository) manifest(ctx context.Context, id string) (*snapshot.Manifest, error) {
	m, err := snapshot.LoadSnapshot(ctx, r.rep, manifest.ID(id))
	if errors.Is(err, snapshot.ErrSnapshotNotFound) || (err == nil && m.IncompleteReason != "") {
		return nil, fmt.Errorf("%s: %w", id, ErrNoSet)
	}
	if err != nil {
		return nil, fmt.Errorf("reading set %s: %w", id, err)
	}
	return m, nil
}

// documentLimit bounds the description of a set in bytes; ours has about 2000.
const documentLimit = 1 << 20

// Document reads the description of a set.
func (r *Repository) Document(ctx context.Context, id string) (json.RawMessage, error) {
	body, err := r.Open(ctx, id, documentName)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, documentLimit+1))
	if err == nil && len(data) > documentLimit {
		err = fmt.Errorf("it is longer than %d bytes", documentLimit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the description of set %s: %w", id, err)
	}
	return data, nil
}

// Open opens one file of a set by its path.
func (r *Repository) Open(ctx context.Context, id, path string) (io.ReadCloser, error) {
	entry, err := r.entry(ctx, id, path)
	if err != nil {
		return nil, err
	}
	f, ok := entry.(fs.File)
	if !ok {
		return nil, fmt.Errorf("%s of set %s is no file", path, id)
	}
	body, err := f.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening %s of set %s: %w", path, id, err)
	}
	return body, nil
}

func (r *Repository) entry(ctx context.Context, id, path string) (fs.Entry, error) {
	m, err := r.manifest(ctx, id)
	if err != nil {
		return nil, err
	}
	root, err := snapshotfs.SnapshotRoot(r.rep, m)
	if err != nil {
		return nil, fmt.Errorf("opening set %s: %w", id, err)
	}
	entry, err := snapshotfs.GetNestedEntry(ctx, root, strings.Split(path, "/"))
	if err != nil {
		return nil, fmt.Errorf("set %s has no %s: %w", id, path, err)
	}
	return entry, nil
}

// Walk visits every file below a directory of a set, with its path from there.
func (r *Repository) Walk(ctx context.Context, id, dir string, visit func(path string, size int64, open func() (io.ReadCloser, error)) error) error {
	entry, err := r.entry(ctx, id, dir)
	if err != nil {
		return err
	}
	return walk(ctx, entry, "", visit)
}

func walk(ctx context.Context, e fs.Entry, path string, visit func(string, int64, func() (io.ReadCloser, error)) error) error {
	switch e := e.(type) {
	case fs.Directory:
		return fs.IterateEntries(ctx, e, func(ctx context.Context, child fs.Entry) error {
			return walk(ctx, child, strings.TrimPrefix(path+"/"+child.Name(), "/"), visit)
		})
	case fs.File:
		return visit(path, e.Size(), func() (io.ReadCloser, error) { return e.Open(ctx) })
	default:
		return fmt.Errorf("%s is neither a file nor a directory", path)
	}
}

// childOf is the stored entry of that name in a stored directory.
func childOf(ctx context.Context, rep repo.Repository, dir *snapshot.DirEntry, name string) (*snapshot.DirEntry, error) {
	d, ok := snapshotfs.EntryFromDirEntry(rep, dir).(fs.Directory)
	if !ok {
		return nil, fmt.Errorf("%s is no directory", dir.Name)
	}
	child, err := d.Child(ctx, name)
	if err != nil {
		return nil, err
	}
	stored, ok := child.(snapshot.HasDirEntry)
	if !ok {
		return nil, fmt.Errorf("%s is not stored", name)
	}
	return stored.DirEntry().Clone(), nil
}
