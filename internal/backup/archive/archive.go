// Package archive keeps what comes between two sets: the WAL as it is written,
// and the pictures that it names. It lies beside the sets on the same target,
// each file compressed and encrypted by itself, so that age and zstd are enough
// to read it.
//
// Writing needs the public recipient and the key that signs, so that the service that
// ships the WAL cannot read the archive, and nobody else can add to it.
package archive

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
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

	Signer  ed25519.PrivateKey  // to write; nil for a process that only reads
	Writers []ed25519.PublicKey // whose files are read; others were put there by somebody else
	Retired []ed25519.PublicKey // whose files are not read any more, and go by their age
}

func file(name string) string { return path.Join(root, name+suffix) }

// put compresses, encrypts and stores body. The file gets the time at.
func (a *Archive) put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if at.IsZero() {
		at = time.Now()
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := a.seal(w, name, body, at)
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

func (a *Archive) seal(w io.Writer, name string, body io.Reader, at time.Time) error {
	if len(a.Signer) == 0 {
		return errors.New("there is no key to sign it with")
	}
	sealed, err := age.Encrypt(w, stamper{a.Signer, name, at}, a.Recipient)
	if err != nil {
		return err
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	sum := sha256.New()
	length, err := io.Copy(packed, io.TeeReader(body, sum))
	if err = errors.Join(err, packed.Close()); err != nil {
		return err
	}
	_, err = sealed.Write(makeTrailer(a.Signer, name, sum.Sum(nil), length))
	return errors.Join(err, sealed.Close())
}

// open reads a file of the archive as it was before put. Only who reads it to io.EOF has
// read what was signed.
func (a *Archive) open(ctx context.Context, name string) (io.ReadCloser, error) {
	body, err := a.Target.Open(ctx, file(name), 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s from the archive: %w", name, err)
	}
	out, err := a.unseal(name, body)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s from the archive: %w", name, err), body.Close())
	}
	return out, nil
}

func (a *Archive) unseal(name string, from io.ReadCloser) (*opened, error) {
	signature, bounded := &stamp{Identity: a.Identity, writers: a.Writers, retired: a.Retired, want: name}, &header{from, headerLimit}
	clear, err := age.Decrypt(bounded, signature)
	if signature.err != nil { // before it is said that the key does not fit
		return nil, signature.err
	}
	if err != nil {
		return nil, fmt.Errorf("decrypting it: %w", err)
	}
	bounded.left = -1
	rest := body{bufio.NewReaderSize(clear, 64<<10)}
	unpacked, err := zstd.NewReader(rest, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, fmt.Errorf("unpacking it: %w", err)
	}
	return &opened{Decoder: unpacked, name: name, archive: a, rest: rest, target: from, sum: sha256.New()}, nil
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

func (a *Archive) remove(ctx context.Context, name string) error {
	return a.Target.Delete(ctx, file(name))
}
