// Package archive keeps what comes between two sets: the WAL as it is written,
// and the pictures that it names. It lies beside the sets on the same target,
// each file compressed and encrypted by itself, so that age and zstd are enough
// to read it.
//
// Writing needs only the public recipient: whoever takes over the service that
// ships the WAL can read none of it.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// ErrMissing says that the archive has no such file.
var ErrMissing = errors.New("the archive does not have it")

// Blob is one file of a target.
type Blob struct {
	Name     string
	Size     int64
	StoredAt time.Time // or, of WAL, when it was written
}

// Blobs is the part of a target that an archive needs.
type Blobs interface {
	// Put stores body under name and returns when it is durable; what was there
	// is replaced whole or not at all.
	// Its StoredAt becomes at.
	Put(ctx context.Context, name string, body io.Reader, at time.Time) error
	// Open opens a file, or fails with ErrMissing.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List returns the files below a directory, in no order.
	List(ctx context.Context, dir string) ([]Blob, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// suffix of every file says how to read it: age -d, then zstd -d.
const suffix = ".zst.age"

// Archive is the archive of a target.
type Archive struct {
	Blobs     Blobs
	Recipient age.Recipient // to write
	Identity  age.Identity  // to read; nil for who may not
}

// put compresses, encrypts and stores body.
func (a *Archive) put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := a.seal(w, body)
		w.CloseWithError(err)
		done <- err
	}()
	err := a.Blobs.Put(ctx, name+suffix, r, at)
	r.CloseWithError(errors.Join(err, context.Canceled)) // or seal would wait for ever
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
	body, err := a.Blobs.Open(ctx, name+suffix)
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

// list returns the names of a directory without their suffix.
func (a *Archive) list(ctx context.Context, dir string) ([]Blob, error) {
	all, err := a.Blobs.List(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("listing the archive: %w", err)
	}
	out := all[:0]
	for _, b := range all {
		if name, ok := strings.CutSuffix(b.Name, suffix); ok {
			b.Name = name
			out = append(out, b)
		}
	}
	return out, nil
}
