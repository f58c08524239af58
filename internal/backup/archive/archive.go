// Package archive keeps what comes between two sets: the WAL as it is written,
// and the pictures that it names. It lies beside the sets on the same target,
// each file compressed and encrypted by itself, so that age and zstd are enough
// to read it.
//
// Writing needs only the public recipient, so that the service that ships the WAL
// cannot read the archive.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// ErrMissing says that the archive has no such file.
var ErrMissing = errors.New("the archive does not have it")

// suffix of every file says how to read it: age -d, then zstd -d.
const suffix = ".zst.age"

// root is the directory of a target that holds its archive.
const root = "archive"

// Archive is the archive of a target.
type Archive struct {
	Target    target.Store
	Recipient age.Recipient // to write
	Identity  age.Identity  // to read; nil for a process that only writes
}

func file(name string) string { return path.Join(root, name+suffix) }

// put compresses, encrypts and stores body. The file gets the time at.
func (a *Archive) put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := a.seal(w, body)
		w.CloseWithError(err)
		done <- err
	}()
	err := a.Target.Put(ctx, file(name), r, at)
	r.CloseWithError(errors.Join(err, context.Canceled)) // otherwise seal would wait for ever
	sealing := <-done
	if err == nil {
		err = sealing
	}
	if err != nil {
		return fmt.Errorf("archiving %s: %w", name, err)
	}
	return nil
}

func (a *Archive) seal(w io.Writer, body io.Reader) error {
	sealed, err := age.Encrypt(w, a.Recipient)
	if err != nil {
		return err
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if _, err := io.Copy(packed, body); err != nil {
		packed.Close()
		return err
	}
	return errors.Join(packed.Close(), sealed.Close())
}

// open reads a file of the archive as it was before put.
func (a *Archive) open(ctx context.Context, name string) (io.ReadCloser, error) {
	body, err := a.Target.Open(ctx, file(name), 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s from the archive: %w", name, err)
	}
	clear, err := age.Decrypt(body, a.Identity)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("decrypting %s from the archive: %w", name, err), body.Close())
	}
	unpacked, err := zstd.NewReader(clear, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unpacking %s from the archive: %w", name, err), body.Close())
	}
	return &opened{unpacked, body}, nil
}

type opened struct {
	*zstd.Decoder
	body io.Closer
}

func (o *opened) Close() error {
	o.Decoder.Close()
	return o.body.Close()
}

// list returns the files of a directory under their names in the archive, without
// suffix.
func (a *Archive) list(ctx context.Context, dir string) ([]target.File, error) {
	all, err := a.Target.Walk(ctx, path.Join(root, dir))
	if err != nil {
		return nil, fmt.Errorf("listing the archive: %w", err)
	}
	out := all[:0]
	for _, f := range all {
		if name, ok := strings.CutSuffix(f.Name, suffix); ok {
			f.Name = strings.TrimPrefix(name, root+"/")
			out = append(out, f)
		}
	}
	return out, nil
}

// writtenAt is when a file of the archive was written. A listing of a bucket knows
// only when it was stored.
func (a *Archive) writtenAt(ctx context.Context, name string) (time.Time, error) {
	f, err := a.Target.Stat(ctx, file(name))
	if err != nil {
		return time.Time{}, fmt.Errorf("looking at %s in the archive: %w", name, err)
	}
	return f.ModifiedAt, nil
}

func (a *Archive) remove(ctx context.Context, name string) error {
	return a.Target.Delete(ctx, file(name))
}
