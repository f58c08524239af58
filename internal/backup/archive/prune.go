package archive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// systemName is the identifier of a cluster, as PostgreSQL prints it.
var systemName = regexp.MustCompile(`^[0-9]{1,20}$`)

// Pruned is what Prune removed, or would.
type Pruned struct {
	Files int
	Bytes int64
}

// A listing is what the target tells. Whoever owns it could date a file back, and the
// prune would let it go, with the copy after it. So what goes by its age goes by the time
// that the archiver has signed; and what the archiver has not written stays, for people to
// look at.

// Prune removes WAL that was written before the window begins and that nothing
// needs, and pieces of segments that are there whole. dryRun only counts.
func (a *Archive) Prune(ctx context.Context, system string, needs Needs, windowBegin time.Time, dryRun bool) (Pruned, error) {
	all, err := a.list(ctx, path.Join("wal", system))
	if err != nil {
		return Pruned{}, err
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
		if isPiece {
			s = p.segment
		}
		unneeded := b.ModifiedAt.Before(windowBegin) && !needs.segment(s)
		if isPiece && whole[s] && !unneeded {
			// It has nothing that the whole segment does not have, if that is ours.
			if _, err := a.stamped(ctx, path.Join("wal", system, s.String())); err == nil {
				going = append(going, b)
			}
			continue
		}
		if !isSegment && !isPiece || !unneeded {
			continue
		}
		if really, err := a.before(ctx, b.Name, windowBegin); err != nil {
			return Pruned{}, err
		} else if really {
			going = append(going, b)
		}
	}
	return a.discard(ctx, going, dryRun)
}

// PrunePictures removes the pictures that are not needed, by the time of their
// arrival.
func (a *Archive) PrunePictures(ctx context.Context, needed func(arrival time.Time) bool, dryRun bool) (Pruned, error) {
	pictures, err := a.list(ctx, pictureDir)
	if err != nil {
		return Pruned{}, err
	}
	var going []target.File
	for _, b := range pictures {
		if needed(b.ModifiedAt) {
			continue
		}
		at, err := a.written(ctx, b.Name)
		if foreign(err) {
			continue
		}
		if err != nil {
			return Pruned{}, err
		}
		if !needed(at) {
			going = append(going, b)
		}
	}
	return a.discard(ctx, going, dryRun)
}

// written is when a file was written, also by the time that a retired key has signed:
// whoever has that key can only date what he has put there himself.
func (a *Archive) written(ctx context.Context, name string) (time.Time, error) {
	at, err := a.stamped(ctx, name)
	if errors.Is(err, ErrRetired) {
		err = nil
	}
	return at, err
}

// foreign tells that a file is gone meanwhile, or none that the archiver has put under
// its name.
func foreign(err error) bool {
	return errors.Is(err, ErrForged) || errors.Is(err, ErrOtherFile) || errors.Is(err, ErrMissing)
}

// before tells whether the archiver has written a file before a moment.
func (a *Archive) before(ctx context.Context, name string, moment time.Time) (bool, error) {
	at, err := a.written(ctx, name)
	if foreign(err) {
		return false, nil
	}
	return err == nil && at.Before(moment), err
}

// Systems are the identifiers of the clusters that the archive has WAL of.
func (a *Archive) Systems(ctx context.Context) ([]string, error) {
	dirs, err := a.Target.Dir(ctx, path.Join(root, "wal"))
	if err != nil {
		return nil, fmt.Errorf("listing the archive: %w", err)
	}
	var out []string
	for _, d := range dirs {
		if d.IsDir && systemName.MatchString(d.Name) {
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
	var going []target.File
	for _, b := range all {
		at, err := a.written(ctx, b.Name)
		switch {
		case foreign(err):
			continue
		case err != nil:
			return Pruned{}, err
		case !at.Before(before):
			return Pruned{}, nil
		}
		going = append(going, b)
	}
	return a.discard(ctx, going, dryRun)
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
