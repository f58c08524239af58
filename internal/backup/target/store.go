package target

import (
	"context"
	"errors"
	"io"
	"time"
)

// Store keeps the files of a target by slash-separated names. Every kind of
// target holds the same files under the same names, so that any copy of a
// target, made with whatever tool, is a target.
//
// Methods are safe for concurrent use. A file that is not there is an error that
// is fs.ErrNotExist.
type Store interface {
	// Put stores body under name and returns when that is as durable as the target
	// can make it; what was there is replaced whole or not at all. The file's
	// ModifiedAt becomes at, as exactly as the target keeps times; the zero value
	// is now.
	Put(ctx context.Context, name string, body io.Reader, at time.Time) error
	// Open reads length bytes of a file, fewer at its end, or with a negative
	// length everything from a position on.
	Open(ctx context.Context, name string, from, length int64) (io.ReadCloser, error)
	Stat(ctx context.Context, name string) (File, error)
	// Dir lists one directory; one that is not there is empty.
	Dir(ctx context.Context, name string) ([]File, error)
	// Walk lists all files below a directory, in no order; "" is the whole target.
	Walk(ctx context.Context, name string) ([]File, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Free is the free space in bytes, or ErrSpaceUnknown.
	Free(ctx context.Context) (int64, error)
	// String is the target as in the setting backup.target.
	String() string
	Close() error
}

// File is a file of a target, or one of its directories.
type File struct {
	Name string // of Dir without the directory's, else from the target's root on
	Size int64
	// ModifiedAt is what Put was told. Of the files that Walk finds in a bucket it
	// is when they were stored, which for some is later.
	ModifiedAt time.Time
	IsDir      bool
}

// ErrSpaceUnknown is the error of a target that does not tell its free space.
var ErrSpaceUnknown = errors.New("the target does not tell")

// unfinished is the prefix of files being written.
const unfinished = ".incoming"
