package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// Sum is the hash of one file that Write puts on a target.
type Sum struct {
	Name   string // on the target
	SHA256 string // in hexadecimal
	size   int64
}

// Sums are those of the instructions of this version and of the programs of a directory.
func Sums(programs string) ([]Sum, error) {
	sum := sha256.Sum256(instructions)
	out := []Sum{{Instructions, hex.EncodeToString(sum[:]), int64(len(instructions))}}
	entries, err := os.ReadDir(programs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for the rescue programs: %w", err)
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(programs, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the rescue programs: %w", err)
		}
		text, size, err := hashed(f)
		if err != nil {
			return nil, fmt.Errorf("reading the rescue program %s: %w", e.Name(), err)
		}
		out = append(out, Sum{path.Join(Programs, e.Name()), text, size})
	}
	return out, nil
}

func hashed(body io.ReadCloser) (sum string, size int64, err error) {
	h := sha256.New()
	size, err = io.Copy(h, body)
	return hex.EncodeToString(h.Sum(nil)), size, errors.Join(err, body.Close())
}

// Compare names the files of a target that are not what this version puts there. Whoever
// owns the target can change them, and somebody without bugspark would run them. Programs
// of other versions, which have other names, are not known here: the kit of that time
// names them.
func Compare(ctx context.Context, t target.Store, programs string) ([]string, error) {
	sums, err := Sums(programs)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, want := range sums {
		body, err := t.Open(ctx, want.Name, 0, want.size+1)
		if errors.Is(err, fs.ErrNotExist) {
			out = append(out, want.Name+" is missing")
			continue
		}
		if err != nil {
			return out, fmt.Errorf("reading %s: %w", want.Name, err)
		}
		sum, _, err := hashed(body)
		if err != nil {
			return out, fmt.Errorf("reading %s: %w", want.Name, err)
		}
		if sum != want.SHA256 {
			out = append(out, want.Name+" is not what this version of bugspark puts there: do not run or follow it")
		}
	}
	return out, nil
}
