package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Mirror brings a second target to the state of a first.
type Mirror struct {
	From, To Store
	// Delete removes what the first target no longer has.
	Delete bool
	// DryRun only counts.
	DryRun bool
	// Report is called with the bytes copied so far and in all.
	Report func(done, total int64)
}

// Mirrored is the result of a Mirror.
type Mirrored struct {
	Copied  int   `json:"copied_files"`
	Bytes   int64 `json:"copied_bytes"`
	Deleted int   `json:"deleted_files"`
	Files   int   `json:"files"` // that the copy has now
	Total   int64 `json:"bytes"`
}

// Run copies what the second target lacks. It copies a file after those that it
// names, and deletes it before them, so that an interruption leaves the copy intact.
func (m *Mirror) Run(ctx context.Context) (Mirrored, error) {
	var out Mirrored
	from, err := m.list(ctx, m.From)
	if err != nil {
		return out, fmt.Errorf("listing %s: %w", m.From, err)
	}
	to, err := m.list(ctx, m.To)
	if err != nil {
		return out, fmt.Errorf("listing %s: %w", m.To, err)
	}
	have, want := map[string]File{}, map[string]bool{}
	for _, f := range to {
		have[f.Name] = f
	}
	total := int64(0)
	var coming, going [stages][]File
	for _, f := range from {
		want[f.Name] = true
		out.Files, out.Total = out.Files+1, out.Total+f.Size
		if h, ok := have[f.Name]; !ok || h.Size != f.Size || changes(f.Name) {
			coming[stage(f.Name)] = append(coming[stage(f.Name)], f)
			total += f.Size
		}
	}
	for _, f := range to {
		if want[f.Name] {
			continue
		}
		if !m.Delete {
			out.Files, out.Total = out.Files+1, out.Total+f.Size
			continue
		}
		going[stage(f.Name)] = append(going[stage(f.Name)], f)
	}
	for _, files := range coming {
		if err := m.copyAll(ctx, files, total, &out); err != nil {
			return out, err
		}
	}
	for _, files := range slices.Backward(going[:]) {
		for _, f := range files {
			if !m.DryRun {
				if err := m.To.Delete(ctx, f.Name); err != nil {
					return out, fmt.Errorf("deleting %s from %s: %w", f.Name, m.To, err)
				}
			}
			out.Deleted++
		}
	}
	return out, nil
}

// list returns files before those that they name, which is the order of deleting and
// the reverse of copying: WAL before pictures, and in the repository, to which a set
// may be added meanwhile, indexes before packs.
func (m *Mirror) list(ctx context.Context, s Store) ([]File, error) {
	shards, err := s.Dir(ctx, "sets")
	if err != nil {
		return nil, err
	}
	dirs := []string{"archive/wal", "archive/pictures"}
	var out []File
	for _, f := range shards {
		if f.IsDir && f.Name != "p" && f.Name != "q" {
			dirs = append(dirs, "sets/"+f.Name)
		} else if !f.IsDir {
			f.Name = "sets/" + f.Name
			out = append(out, f)
		}
	}
	for _, dir := range append(dirs, "sets/p", "sets/q", "rescue") {
		files, err := s.Walk(ctx, dir)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	top, err := s.Dir(ctx, "")
	for _, f := range top {
		if !f.IsDir && f.Name != OwnerFile && f.Name != ballastFile {
			out = append(out, f)
		}
	}
	return out, err
}

// Stages of a copy.
const stages = 3

// stage is when a file is copied. In the repository indexes name packs, and in the
// archive WAL names pictures.
func stage(name string) int {
	switch {
	case strings.HasPrefix(name, "sets/p/"), strings.HasPrefix(name, "sets/q/"), strings.HasPrefix(name, "archive/pictures/"):
		return 0
	case strings.HasPrefix(name, "sets/"), strings.HasPrefix(name, "archive/"):
		return 1
	}
	return 2
}

// changes tells whether a file is written more than once under its name.
func changes(name string) bool {
	dir, base := path.Split(name)
	return dir == "" || dir == "sets/" || strings.HasPrefix(base, ".")
}

func (m *Mirror) copyAll(ctx context.Context, files []File, total int64, out *Mirrored) error {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, f := range files {
		group.Go(func() error {
			if !m.DryRun {
				err := m.copy(ctx, f)
				if errors.Is(err, fs.ErrNotExist) {
					return nil // a piece of WAL that was replaced meanwhile
				}
				if err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			out.Copied, out.Bytes = out.Copied+1, out.Bytes+f.Size
			if m.Report != nil {
				m.Report(out.Bytes, total)
			}
			return nil
		})
	}
	return group.Wait()
}

func (m *Mirror) copy(ctx context.Context, f File) (err error) {
	at := f.ModifiedAt
	if strings.HasPrefix(f.Name, "archive/wal/") {
		exact, err := m.From.Stat(ctx, f.Name)
		if err != nil {
			return fmt.Errorf("reading %s of %s: %w", f.Name, m.From, err)
		}
		at = exact.ModifiedAt
	}
	if changes(f.Name) {
		at = time.Time{}
	}
	body, err := m.From.Open(ctx, f.Name, 0, -1)
	if err != nil {
		return fmt.Errorf("reading %s of %s: %w", f.Name, m.From, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if err := m.To.Put(ctx, f.Name, body, at); err != nil {
		return fmt.Errorf("copying %s to %s: %w", f.Name, m.To, err)
	}
	return nil
}
