package httpapi

import (
	"io"

	"github.com/bugspark/bugspark/internal/tracker"
)

// maxPrefix bounds what comes before the picture in a body: package multipart reads the
// headers of parts into memory, up to 10 MiB of them, and a client may then send slowly.
// It includes what is read ahead, some 4 KiB.
const maxPrefix = 16 << 10

// prefixed is a body of which no more than maxPrefix is read before open is called.
type prefixed struct {
	io.ReadCloser
	read   int
	opened bool
	// long is whether there was more. The parser does not always hand our error on: it
	// says of half a line that it is malformed.
	long bool
}

func (p *prefixed) open() { p.opened = true }

func (p *prefixed) Read(b []byte) (int, error) {
	if !p.opened {
		if p.read >= maxPrefix {
			p.long = true
			return 0, io.ErrUnexpectedEOF
		}
		b = b[:min(len(b), maxPrefix-p.read)]
	}
	n, err := p.ReadCloser.Read(b)
	p.read += n
	return n, err
}

func errLongPrefix() error {
	return tracker.Errorf(tracker.Refused, "there is more than %d KiB before the picture; send the part %q first, with short headers", maxPrefix>>10, "file")
}
