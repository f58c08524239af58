package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/repo/blob/sharded"
	"github.com/kopia/kopia/repo/format"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// files is the target to kopia. kopia has drivers of its own, but they lay the
// same repository out in two ways: in a bucket otherwise than in a directory. With
// one layout any copy of a target is a target, and the kopia command reads a copy
// of a bucket as the directory it then is.
type files struct {
	sharded.Storage
	blob.DefaultProviderImplementation
	target target.Store
}

var _ blob.Storage = (*files)(nil)

// sets is the directory of a target that holds the repository, and formatFile the file
// in it without which there is none.
const (
	sets       = "sets"
	formatFile = sets + "/" + format.KopiaRepositoryBlobID + sharded.CompleteBlobSuffix
)

func newFiles(t target.Store) *files {
	return &files{
		// The shards are those of kopia's own driver for directories.
		Storage: sharded.New(access{t}, sets, sharded.Options{DirectoryShards: []int{1, 3}, ListParallelism: 8}, true),
		target:  t,
	}
}

// kopia opens a storage from what its connection file says. Ours says nothing,
// and above all no secret; the target itself comes with the context.
const storageType = "bugspark"

type (
	nothing   struct{}
	targetKey struct{}
)

func init() { //nolint:gochecknoinits // kopia's registry is one of the process, filled at its start
	blob.AddSupportedStorage(storageType, nothing{}, func(ctx context.Context, _ *nothing, _ bool) (blob.Storage, error) {
		t, ok := ctx.Value(targetKey{}).(target.Store)
		if !ok {
			return nil, errors.New("a repository was opened without its target")
		}
		return newFiles(t), nil
	})
}

func (f *files) ConnectionInfo() blob.ConnectionInfo {
	return blob.ConnectionInfo{Type: storageType, Config: &nothing{}}
}

// IsReadOnly keeps kopia from tidying up what it reads.
func (f *files) IsReadOnly() bool {
	_, reads := f.target.(target.ReadOnly)
	return reads
}

func (f *files) DisplayName() string { return f.target.String() }

// access reads and writes the files of a target as kopia asks for them.
type access struct{ target target.Store }

func (a access) GetBlobFromPath(ctx context.Context, _, name string, offset, length int64, out blob.OutputBuffer) error {
	out.Reset()
	body, err := a.target.Open(ctx, name, offset, length)
	if err != nil {
		return notFound(err)
	}
	_, err = io.Copy(out, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return blob.EnsureLengthExactly(out.Length(), length)
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return blob.ErrBlobNotFound
	}
	return err
}

func (a access) GetMetadataFromPath(ctx context.Context, _, name string) (blob.Metadata, error) {
	f, err := a.target.Stat(ctx, name)
	return blob.Metadata{Length: f.Size, Timestamp: f.ModifiedAt}, notFound(err)
}

func (a access) PutBlobInPath(ctx context.Context, _, name string, data blob.Bytes, o blob.PutOptions) error {
	if o.HasRetentionOptions() || o.DoNotRecreate {
		return blob.ErrUnsupportedPutBlobOption
	}
	err := a.target.Put(ctx, name, data.Reader(), o.SetModTime)
	if err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrPermission) {
		// The body is at hand, so a connection that broke is no reason to give up.
		err = a.target.Put(ctx, name, data.Reader(), o.SetModTime)
	}
	if err == nil && o.GetModTime != nil {
		var f target.File
		if f, err = a.target.Stat(ctx, name); err == nil {
			*o.GetModTime = f.ModifiedAt
		}
	}
	return err
}

func (a access) DeleteBlobInPath(ctx context.Context, _, name string) error {
	return a.target.Delete(ctx, name)
}

func (a access) ReadDir(ctx context.Context, name string) ([]os.FileInfo, error) {
	entries, err := a.target.Dir(ctx, path.Clean(name))
	if err != nil {
		return nil, err
	}
	out := make([]os.FileInfo, len(entries))
	for i, e := range entries {
		out[i] = info{e}
	}
	return out, nil
}

// info is a target's file as kopia looks at it.
type info struct{ f target.File }

func (i info) Name() string       { return i.f.Name }
func (i info) Size() int64        { return i.f.Size }
func (i info) ModTime() time.Time { return i.f.ModifiedAt }
func (i info) IsDir() bool        { return i.f.IsDir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.f.IsDir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
