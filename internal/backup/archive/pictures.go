package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore"
)

const pictureDir = "pictures"

// unreadLimit is how long WAL waits for pictures that cannot be found or read.
const unreadLimit = 10 * time.Minute

// wait tells whether WAL waits, because pictures that it may name cannot be found or
// read: the object store is silent, or an object is damaged. It does not wait for
// long. If this machine burns, a report without its picture is a smaller loss than
// one that was never archived; and the pictures follow as soon as they can be read.
func (s *Shipper) wait(now time.Time) bool {
	if s.State.Unread.IsZero() || s.State.Unread.After(now) {
		s.State.Unread = now
	}
	return now.Sub(s.State.Unread) < unreadLimit
}

// pictures ships the objects whose rows came since the last round. Where the database
// does not answer, and the spool has news, it ships every object that was stored
// since: an object is older than its row.
func (s *Shipper) pictures(ctx context.Context, now time.Time, asking error, news bool) error {
	if asking != nil && !news {
		return nil
	}
	if s.State.Pictures.IsZero() {
		// Older pictures are in the first set, without which WAL is of no use.
		s.State.Pictures = now
	}
	since := s.State.Pictures
	if s.tries == nil {
		s.tries = map[string]int{}
	}
	if s.pics == nil {
		if err := s.recall(ctx); err != nil {
			return err
		}
	}
	var keys []string
	if asking == nil {
		keys, asking = s.Source.Pictures(ctx, since.Add(-overlap))
	}
	if asking != nil {
		var err error
		if keys, err = s.stored(ctx, since.Add(-overlap)); err != nil {
			return err
		}
	}
	// What is damaged keeps no other from the archive, and a store that is silent keeps
	// this round only so long.
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(s.tries[a], s.tries[b]) })
	var missing []error
	for _, key := range keys {
		if _, known := s.pics[key]; known {
			continue
		}
		if err := s.picture(ctx, key, now); err != nil {
			s.tries[key]++
			if missing = append(missing, err); len(missing) == 3 {
				break
			}
			continue
		}
		s.pics[key] = now
		delete(s.tries, key)
	}
	for key, at := range s.pics {
		if since.Sub(at) > 2*overlap {
			delete(s.pics, key) // too old for the overlap to bring it up again
		}
	}
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	s.State.Pictures = now
	return nil
}

// listing is the last list of all objects.
type listing struct {
	ended time.Time
	took  time.Duration
}

// stored are the keys of objects since a moment, whether a row names them or not. A
// list takes seconds where there are many objects, and this a tenth of the time.
func (s *Shipper) stored(ctx context.Context, since time.Time) ([]string, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Until(s.list.ended.Add(min(10*s.list.took, 15*time.Second)))):
	}
	began := time.Now()
	defer func() { s.list = listing{time.Now(), time.Since(began)} }()
	var out []string
	for o, err := range s.Objects.List(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("listing new pictures: %w", err)
		}
		if !o.ModifiedAt.Before(since) {
			out = append(out, o.Key)
		}
	}
	return out, nil
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
	if !fs.ValidPath(key) {
		// A row can name anything, and what it names is signed under that name.
		s.Log.Error("a picture of such a name is not archived", "key", fmt.Sprintf("%.100q", key))
		return nil
	}
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
