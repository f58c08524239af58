package target

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// abandoned is when a file that is being written can only be the rest of a crash.
const abandoned = 24 * time.Hour

// Sweep removes what interrupted writes have left. A bucket keeps nothing of one, but
// with object lock it keeps what was deleted.
func Sweep(ctx context.Context, s Store, now time.Time) error {
	if bucket, ok := s.(*S3); ok && bucket.LockFor() > 0 {
		return bucket.sweepVersions(ctx)
	}
	raw, ok := s.(interface {
		raw(ctx context.Context, dir string) ([]File, error)
	})
	if !ok {
		return nil
	}
	if err := sweep(ctx, s, raw.raw, "", now.Add(-abandoned)); err != nil {
		return fmt.Errorf("removing what interrupted writes have left on %s: %w", s, err)
	}
	return nil
}

func sweep(ctx context.Context, s Store, list func(context.Context, string) ([]File, error), dir string, before time.Time) error {
	files, err := list(ctx, dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		name := path.Join(dir, f.Name)
		switch {
		case f.IsDir:
			err = sweep(ctx, s, list, name, before)
		case strings.HasPrefix(f.Name, unfinished) && f.ModifiedAt.Before(before):
			err = s.Delete(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finished leaves out what is being written.
func finished(files []File) []File {
	out := files[:0]
	for _, f := range files {
		if !strings.HasPrefix(f.Name, unfinished) {
			out = append(out, f)
		}
	}
	return out
}

// Dir lists one directory.
func (d Directory) Dir(ctx context.Context, name string) ([]File, error) {
	files, err := d.raw(ctx, name)
	return finished(files), err
}

// Dir lists one directory.
func (s *SFTP) Dir(ctx context.Context, name string) ([]File, error) {
	files, err := s.raw(ctx, name)
	return finished(files), err
}
