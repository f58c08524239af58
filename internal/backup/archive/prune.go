package archive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// Pruned is what Prune removed, or would.
type Pruned struct {
	Files int
	Bytes int64
}

// Prune removes the WAL before a position, whatever its timeline, and pictures
// that arrived before a time: the caller knows which sets need them. dryRun only
// counts.
func (a *Archive) Prune(ctx context.Context, system string, keep LSN, picturesBefore time.Time, dryRun bool) (Pruned, error) {
	var out Pruned
	dir := path.Join("wal", system)
	all, err := a.list(ctx, dir)
	if err != nil {
		return out, err
	}
	whole := map[segment]bool{}
	for _, b := range all {
		if s, ok := parseSegment(path.Base(b.Name)); ok {
			whole[s] = true
		}
	}
	var going []target.File
	for _, b := range all {
		name := path.Base(b.Name)
		s, isSegment := parseSegment(name)
		p, isPiece := parsePiece(name)
		if isSegment && s.number < keep.Segment() || isPiece && (p.segment.number < keep.Segment() || whole[p.segment]) {
			going = append(going, b)
		}
	}
	pictures, err := a.list(ctx, pictureDir)
	if err != nil {
		return out, err
	}
	for _, b := range pictures {
		if b.ModifiedAt.Before(picturesBefore) {
			going = append(going, b)
		}
	}
	return a.discard(ctx, going, dryRun)
}

// Systems are the identifiers of the clusters that the archive has WAL of.
func (a *Archive) Systems(ctx context.Context) ([]string, error) {
	dirs, err := a.Target.Dir(ctx, path.Join(root, "wal"))
	if err != nil {
		return nil, fmt.Errorf("listing the archive: %w", err)
	}
	var out []string
	for _, d := range dirs {
		if d.IsDir {
			out = append(out, d.Name)
		}
	}
	return out, nil
}

// PruneSystem removes all WAL of a cluster, unless some of it is newer than a
// moment. The caller knows that no set needs it.
func (a *Archive) PruneSystem(ctx context.Context, system string, before time.Time, dryRun bool) (Pruned, error) {
	all, err := a.list(ctx, path.Join("wal", system))
	if err != nil {
		return Pruned{}, err
	}
	for _, b := range all {
		if !b.ModifiedAt.Before(before) {
			return Pruned{}, nil
		}
	}
	return a.discard(ctx, all, dryRun)
}

func (a *Archive) discard(ctx context.Context, going []target.File, dryRun bool) (Pruned, error) {
	var out Pruned
	for _, b := range going {
		if !dryRun {
			if err := a.remove(ctx, b.Name); err != nil {
				return out, errors.Join(fmt.Errorf("removing %s from the archive: %w", b.Name, err), ctx.Err())
			}
		}
		out.Files++
		out.Bytes += b.Size
	}
	return out, nil
}
