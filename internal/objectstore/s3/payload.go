package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"github.com/bugspark/bugspark/internal/objectstore"
)

// inMemory is the largest body that is held in memory for its hash; a larger
// one goes through an unlinked temporary file.
const inMemory = 16 << 20

// payload is a body that was read once, for its hash and its length, and can be
// read again, also by a retry.
type payload struct {
	reader io.ReadSeeker
	sha256 string // hexadecimal
	file   *os.File
}

func (p payload) close() {
	if p.file != nil {
		p.file.Close()
	}
}

// hashed reads body to its end and refuses one that is not of the given size.
func hashed(ctx context.Context, body io.Reader, size int64) (payload, error) {
	// What can be read twice (a file, bytes in memory) is not copied.
	if again, ok := body.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		start, err := again.Seek(0, io.SeekCurrent)
		if err != nil {
			return payload{}, err
		}
		section := io.NewSectionReader(again, start, size)
		sum, err := hash(ctx, io.Discard, io.NewSectionReader(again, start, size+1), size)
		return payload{reader: section, sha256: sum}, err
	}
	if size <= inMemory {
		buffer := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
		sum, err := hash(ctx, buffer, body, size)
		return payload{reader: bytes.NewReader(buffer.Bytes()), sha256: sum}, err
	}
	f, err := os.CreateTemp("", "bugspark-upload-*")
	if err != nil {
		return payload{}, err
	}
	sum, err := hash(ctx, f, body, size)
	err = errors.Join(err, os.Remove(f.Name()))
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return payload{}, errors.Join(err, f.Close())
	}
	return payload{reader: f, sha256: sum, file: f}, nil
}

// hash copies exactly size bytes of body to w.
func hash(ctx context.Context, w io.Writer, body io.Reader, size int64) (string, error) {
	h := sha256.New()
	if err := objectstore.CopyExact(ctx, io.MultiWriter(w, h), body, size); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
