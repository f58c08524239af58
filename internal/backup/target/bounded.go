package target

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// bounded talks to one service, and to no other that its answers name; and it ends answers
// that have no end.
type bounded struct {
	http.RoundTripper
	host    string
	silence time.Duration
}

const (
	// pagesAtMost are read of one listing; a page has up to 1000 files.
	pagesAtMost = 20_000
	// answerAtMost bytes has every answer but a file: a page of a listing has 2 MiB.
	answerAtMost = 16 << 20
	// slowest is how many bytes a second an answer has at least, once it is late.
	slowest = 1 << 10
)

// ErrElsewhere says that a service wants to send us to another one.
var ErrElsewhere = errors.New("the service of the backup target leads to another one")

// ErrSlow says that an answer comes byte by byte.
var ErrSlow = errors.New("the backup target answers too slowly")

// pages is the key of the number of questions that a listing has asked.
type pages struct{}

// RoundTrip asks.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != b.host {
		return nil, fmt.Errorf("%w: %.100q instead of %s", ErrElsewhere, r.URL.Host, b.host)
	}
	if n, ok := r.Context().Value(pages{}).(*atomic.Int64); ok && n.Add(1) > pagesAtMost {
		return nil, fmt.Errorf("a listing of more than %d pages: %w", pagesAtMost, ErrEndless)
	}
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	left := int64(answerAtMost)
	if r.Method == http.MethodGet && r.URL.RawQuery == "" && answer.StatusCode < 300 {
		left = fileAtMost + 1 // of which its reader tells
	}
	answer.Body = &paced{ReadCloser: answer.Body, left: left, late: time.Now().Add(10 * b.silence)}
	return answer, nil
}

// paced is a body that has an end, and comes faster than byte by byte: each of its bytes
// keeps a connection from being silent.
type paced struct {
	io.ReadCloser
	left int64
	late time.Time
	read int64
}

func (p *paced) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.read += int64(n)
	if p.left -= int64(n); p.left < 0 {
		return n, fmt.Errorf("an answer of more than %d bytes: %w", p.read, ErrEndless)
	}
	if late := time.Since(p.late); err == nil && late > 0 && float64(p.read) < late.Seconds()*slowest {
		return n, ErrSlow
	}
	return n, err
}
