package filesystem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// trailerSize is the length of the trailer: a line feed, the content type
// padded with spaces, a line feed.
const trailerSize = 128

var errTrailer = errors.New("the file is not an object of this store: it does not end in a content type")

func trailer(contentType string) ([]byte, error) {
	if len(contentType) > trailerSize-2 || strings.ContainsFunc(contentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, fmt.Errorf("content type %q: want at most %d printable ASCII characters", contentType, trailerSize-2)
	}
	return fmt.Appendf(nil, "\n%-*s\n", trailerSize-2, contentType), nil
}

// readTrailer returns the content type of an object's file of the given size.
func readTrailer(f io.ReaderAt, size int64) (string, error) {
	if size < trailerSize {
		return "", errTrailer
	}
	var b [trailerSize]byte
	if _, err := f.ReadAt(b[:], size-trailerSize); err != nil {
		return "", err
	}
	if b[0] != '\n' || b[trailerSize-1] != '\n' {
		return "", errTrailer
	}
	return string(bytes.TrimRight(b[1:trailerSize-1], " ")), nil
}
