package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode"
)

// What a target tells is a claim of whoever owns it, see docs/security.md. Every listing of
// every kind of target passes listing, and every name that is used passes named.

const (
	longestName    = 1024 // bytes of a name, as keys of S3 have at most
	longestElement = 255  // of what is between two slashes, as file systems have at most
	deepest        = 16   // directories below each other; ours have five
	// listedAtMost entries are read of one listing. A week of archive has some ten thousand.
	listedAtMost = 1_000_000
	// longestListing is how long one may take: of some ten thousand directories of a slow
	// SFTP server it takes an hour.
	longestListing = 6 * time.Hour
	// fileAtMost bytes are read of one file. Packs have 40 MiB at most, and pictures 100.
	fileAtMost = 512 << 20
)

// Errors of targets that do not behave.
var (
	// ErrEndless says that an answer has no end, or is far beyond everything of ours.
	ErrEndless = errors.New("the answer of the backup target has no end")
	// ErrName says that a name leads out of the target, or is none of ours.
	ErrName = errors.New("no file of a backup target has such a name")
)

// ours tells whether a file of ours can have a name.
func ours(name string) bool {
	if !fs.ValidPath(name) || name == "." || len(name) > longestName || strings.Count(name, "/") >= deepest || strings.ContainsFunc(name, unicode.IsControl) {
		return false
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > longestElement {
			return false
		}
	}
	return true
}

// named refuses to use a name that leads elsewhere.
func named(name string) error {
	if !ours(name) {
		return fmt.Errorf("%.100q: %w", name, ErrName)
	}
	return nil
}

// namedDir is named for a directory, which may be the whole target.
func namedDir(name string) error {
	if name == "" || name == "." {
		return nil
	}
	return named(name)
}

// listing collects what a target tells of its files. Names that are none of ours are left
// out: nobody puts files there under them but somebody else.
type listing struct {
	files []File
	seen  int // with those that were left out
	flat  bool
}

func (l *listing) add(f File) error {
	if l.seen++; l.seen > listedAtMost {
		return fmt.Errorf("a listing of more than %d files: %w", listedAtMost, ErrEndless)
	}
	if ours(f.Name) && f.Size >= 0 && !(l.flat && strings.Contains(f.Name, "/")) {
		l.files = append(l.files, f)
	}
	return nil
}

// capped ends a body of more bytes than any file of ours has with an error.
func capped(body io.ReadCloser) io.ReadCloser { return &cappedBody{body, fileAtMost} }

type cappedBody struct {
	io.ReadCloser
	left int64
}

func (c *cappedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n, fmt.Errorf("a file of more than %d bytes: %w", fileAtMost, ErrEndless)
	}
	return n, err
}
