package repository

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"time"

	"github.com/kopia/kopia/fs"
)

// Entry is a file or directory to be saved. A file whose name, size and time
// are those of the set before is not read again.
type Entry struct {
	Name       string
	Size       int64
	ModifiedAt time.Time
	Open       func(context.Context) (io.ReadCloser, error)  // of a file
	Entries    func(context.Context) iter.Seq2[Entry, error] // of a directory
}

// node is an Entry as kopia wants one.
type node struct {
	e     Entry
	heard func(int64) // of bytes that are read; nil: nobody
}

func (n node) Name() string                { return n.e.Name }
func (n node) Size() int64                 { return n.e.Size }
func (n node) ModTime() time.Time          { return n.e.ModifiedAt }
func (n node) IsDir() bool                 { return n.e.Entries != nil }
func (n node) Sys() any                    { return nil }
func (n node) Owner() fs.OwnerInfo         { return fs.OwnerInfo{} }
func (n node) Device() fs.DeviceInfo       { return fs.DeviceInfo{} }
func (n node) LocalFilesystemPath() string { return "" }
func (n node) Close()                      {}

func (n node) Mode() os.FileMode {
	if n.IsDir() {
		return os.ModeDir | 0o700
	}
	return 0o600
}

type file struct{ node }

var _ fs.File = file{}

func (f file) Open(ctx context.Context) (fs.Reader, error) {
	body, err := f.e.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &reader{&heard{ReadCloser: body, report: f.heard}, f}, nil
}

// stream is a file whose end is known only when it comes. kopia's own kind would
// be restored for everybody to write.
type stream struct {
	node
	body io.ReadCloser
}

var _ fs.StreamingFile = stream{}

func (s stream) GetReader(context.Context) (io.ReadCloser, error) { return s.body, nil }

// reader is read once from its beginning, which is all an upload does.
type reader struct {
	io.ReadCloser
	of file
}

func (r *reader) Entry() (fs.Entry, error) { return r.of, nil }

func (r *reader) Seek(int64, int) (int64, error) {
	return 0, errors.New("this file can only be read from its beginning")
}

type directory struct{ node }

var _ fs.Directory = directory{}

func (d directory) SupportsMultipleIterations() bool { return true }

func (d directory) Child(ctx context.Context, name string) (fs.Entry, error) {
	return fs.IterateEntriesAndFindChild(ctx, d, name)
}

func (d directory) Iterate(ctx context.Context) (fs.DirectoryIterator, error) {
	next, stop := iter.Pull2(d.e.Entries(ctx))
	return &iterator{next, stop, d.heard}, nil
}

type iterator struct {
	next func() (Entry, error, bool)
	stop func()
	told func(int64)
}

func (i *iterator) Next(context.Context) (fs.Entry, error) {
	e, err, ok := i.next()
	switch {
	case !ok:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return wrap(e, i.told), nil
}

func (i *iterator) Close() { i.stop() }

func wrap(e Entry, told func(int64)) fs.Entry {
	if e.Entries != nil {
		return directory{node{e, told}}
	}
	return file{node{e, told}}
}
