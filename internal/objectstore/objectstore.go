// Package objectstore keeps pictures: immutable objects under unique keys, in
// any S3 service or in a directory.
//
// Only portable S3 is used (PUT, GET, HEAD, DELETE, ListObjectsV2), so that any
// service can replace the packaged one.
package objectstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// The errors that callers distinguish; every method wraps them.
var (
	ErrNotFound = errors.New("object not found")
	ErrKey      = errors.New("malformed object key")
	ErrSize     = errors.New("body does not have the announced size")
)

// Object describes what is stored under a key.
type Object struct {
	Key         string
	Size        int64
	ContentType string // not filled in by List
	ModifiedAt  time.Time
}

// Store is one bucket or directory. A key that CheckKey refuses is an ErrKey
// before storage is touched. Methods are safe for concurrent use.
type Store interface {
	// Put stores size bytes of body under key and returns once they are durable.
	// A body shorter or longer than size is an ErrSize and leaves no object. An
	// existing object under that key is replaced whole or not at all.
	Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error

	// Get opens an object; the caller closes the body.
	Get(ctx context.Context, key string) (io.ReadCloser, Object, error)

	Stat(ctx context.Context, key string) (Object, error)

	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error

	// List yields every object whose key starts with prefix, in key order. An
	// error is yielded last.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Prepare makes the bucket or directory if it is not there; it may be
	// repeated.
	Prepare(ctx context.Context) error

	// Check proves that the store answers, cheaply.
	Check(ctx context.Context) error
}
