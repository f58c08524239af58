package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore"
)

const pictureDir = "pictures"

// pictures ships the objects whose rows came since the last round.
func (s *Shipper) pictures(ctx context.Context, now time.Time) error {
	since := s.State.Pictures
	if since.IsZero() {
		// Older pictures are in the first set, without which WAL is of no use.
		since = now
	}
	if s.pics == nil {
		if err := s.recall(ctx); err != nil {
			return err
		}
	}
	keys, err := s.Source.Pictures(ctx, since.Add(-overlap))
	if err != nil {
		return fmt.Errorf("asking for new pictures: %w", err)
	}
	for _, key := range keys {
		if _, known := s.pics[key]; known {
			continue
		}
		if err := s.picture(ctx, key, now); err != nil {
			return err
		}
		s.pics[key] = now
	}
	for key, at := range s.pics {
		if now.Sub(at) > 2*overlap {
			delete(s.pics, key) // too old for the overlap to bring it up again
		}
	}
	s.State.Pictures = now
	return nil
}

// recall lists what an earlier process of the shipper has shipped.
func (s *Shipper) recall(ctx context.Context) error {
	known, err := s.Archive.Pictures(ctx)
	if err != nil {
		return err
	}
	s.pics = map[string]time.Time{}
	for key, at := range known {
		s.pics[key] = at
	}
	return nil
}

func (s *Shipper) picture(ctx context.Context, key string, now time.Time) error {
	body, o, err := s.Objects.Get(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil // its row was deleted again, and then the object
	}
	if err != nil {
		return fmt.Errorf("reading picture %s: %w", key, err)
	}
	defer body.Close()
	return s.Archive.put(ctx, path.Join(pictureDir, key), &exact{r: body, left: o.Size}, now)
}

// exact fails when a body ends early, which no S3 library promises to notice.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left != 0 {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// Pictures lists the archived pictures with the time of their arrival.
func (a *Archive) Pictures(ctx context.Context) (map[string]time.Time, error) {
	all, err := a.list(ctx, pictureDir)
	if err != nil {
		return nil, err
	}
	out := make(map[string]time.Time, len(all))
	for _, b := range all {
		out[strings.TrimPrefix(b.Name, pictureDir+"/")] = b.ModifiedAt
	}
	return out, nil
}

// Picture opens an archived picture.
func (a *Archive) Picture(ctx context.Context, key string) (io.ReadCloser, error) {
	return a.open(ctx, path.Join(pictureDir, key))
}
