package s3

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// Put sends body in one request that the service answers once it is durable.
func (s *Store) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) (err error) {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := hashed(ctx, body, size)
	if err != nil {
		return fmt.Errorf("storing object %s: %w", key, err)
	}
	defer p.close()
	for try := time.Duration(0); ; try++ {
		_, err = s.core.PutObject(ctx, s.bucket, key, p.reader, size, "", p.sha256, minio.PutObjectOptions{
			ContentType:          contentType,
			DisableContentSha256: true, // minio-go's streaming checksum; the argument before has the body's
		})
		if err == nil {
			return nil
		}
		if try == 3 || minio.ToErrorResponse(err).Code != minio.AccessDenied {
			return fmt.Errorf("storing object %s: %w", key, err)
		}
		// MinIO returns this also when the last other object of the directory was
		// deleted at the same moment, with the directory.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After((try + 1) * 20 * time.Millisecond):
		}
		if _, err := p.reader.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("storing object %s: %w", key, err)
		}
	}
}

// Get opens an object.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, objectstore.Object, error) {
	if err := objectstore.CheckKey(key); err != nil {
		return nil, objectstore.Object{}, err
	}
	body, info, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, objectstore.Object{}, fmt.Errorf("reading object %s: %w", key, translate(err))
	}
	return body, object(key, info), nil
}

// Stat describes an object.
func (s *Store) Stat(ctx context.Context, key string) (objectstore.Object, error) {
	if err := objectstore.CheckKey(key); err != nil {
		return objectstore.Object{}, err
	}
	info, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return objectstore.Object{}, fmt.Errorf("looking at object %s: %w", key, translate(err))
	}
	return object(key, info), nil
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	if err := s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("removing object %s: %w", key, err)
	}
	return nil
}

// List pages through the bucket, a thousand objects at a time.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[objectstore.Object, error] {
	return func(yield func(objectstore.Object, error) bool) {
		if err := objectstore.CheckPrefix(prefix); err != nil {
			yield(objectstore.Object{}, err)
			return
		}
		for info := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if info.Err != nil {
				yield(objectstore.Object{}, fmt.Errorf("listing objects: %w", info.Err))
				return
			}
			if !yield(objectstore.Object{Key: info.Key, Size: info.Size, ModifiedAt: info.LastModified}, nil) {
				return
			}
		}
		// minio-go ends a cancelled list as if it were complete.
		if err := ctx.Err(); err != nil {
			yield(objectstore.Object{}, fmt.Errorf("listing objects: %w", err))
		}
	}
}

func object(key string, info minio.ObjectInfo) objectstore.Object {
	return objectstore.Object{Key: key, Size: info.Size, ContentType: info.ContentType, ModifiedAt: info.LastModified}
}

// translate makes the service's "no such key" our ErrNotFound; a missing bucket
// stays an error of its own, because it means a broken installation.
func translate(err error) error {
	r := minio.ToErrorResponse(err)
	if r.Code == minio.NoSuchKey && r.StatusCode == http.StatusNotFound {
		return objectstore.ErrNotFound
	}
	return err
}
