// Package upstream speaks HTTP/1.1 to one of our services over its unix socket.
//
// It is not http.Transport: that one hands every request to two goroutines of
// the connection and back, which costs a third of the throughput of a proxy
// whose upstream is on the same machine. Here the caller's goroutine writes the
// request and reads the answer itself, on a pooled connection.
package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// The errors that decide the answer to a client.
var (
	// ErrUnavailable: the service did not take the request; nothing was processed.
	ErrUnavailable = errors.New("the service is away")
	// ErrInterrupted: the service took the request and the connection broke before an
	// answer; it may have been processed.
	ErrInterrupted = errors.New("the service broke off")
)

// Upstream is one service behind a unix socket.
type Upstream struct {
	socket string
	pool   chan *conn
}

// The pool keeps this many connections; more concurrent requests dial, which on
// a unix socket costs microseconds.
const poolSize = 256

// answerTimeout is how long a service may take before its answer begins.
const answerTimeout = 60 * time.Second

// New returns an upstream for a socket, which need not exist yet.
func New(socket string) *Upstream {
	return &Upstream{socket: socket, pool: make(chan *conn, poolSize)}
}

type conn struct {
	net.Conn
	r      *bufio.Reader
	w      *bufio.Writer
	pooled bool // it served a request before
}

// Exchange is an answer whose body is being read, with its connection.
type Exchange struct {
	Response *http.Response
	// Partly says that the service answered before it had the whole body, and the rest was
	// not read from the client.
	Partly  bool
	u       *Upstream
	c       *conn
	release func() bool
}

// Do sends a request and reads the head of the answer. replayable says that the
// request has no body, or GetBody; idempotent says that it may be processed twice.
// A request that the service did not take is repeated if it is replayable. One whose
// connection broke before the answer must be idempotent too.
func (u *Upstream) Do(ctx context.Context, r *http.Request, replayable, idempotent bool) (*Exchange, error) {
	const attempts = 4
	var last error
	for attempt := range attempts {
		if attempt > 0 {
			if !replayable || (errors.Is(last, ErrInterrupted) && !idempotent) {
				break
			}
			if err := rewind(r); err != nil {
				return nil, err
			}
			select { // a killed service is back within a second
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(attempt*attempt) * 100 * time.Millisecond):
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err // the client left while it waited
		}
		e, err := u.try(ctx, r)
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = err
	}
	return nil, last
}

func rewind(r *http.Request) error {
	if r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return err
	}
	r.Body = body
	return nil
}

func (u *Upstream) try(ctx context.Context, r *http.Request) (*Exchange, error) {
	c, err := u.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// When the client leaves, the service should stop working on the request.
	release := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	fail := func(kind, err error) (*Exchange, error) {
		release()
		c.Close()
		return nil, fmt.Errorf("%w: %w", kind, err)
	}
	body := &recordedBody{ReadCloser: r.Body, conn: c.Conn, left: r.ContentLength}
	if r.Body != nil {
		r.Body = body
	}
	writeErr := r.Write(c.w)
	if writeErr == nil {
		writeErr = c.w.Flush()
	}
	if body.err != nil { // the client's body broke off; the service waits for its rest
		release()
		c.Close()
		return nil, body.err
	}
	// A service may answer and close before it has read the whole body (413), so
	// the answer is read even when writing failed.
	if err := c.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return fail(ErrInterrupted, err)
	}
	if ctx.Err() != nil {
		return fail(ErrInterrupted, ctx.Err())
	}
	if _, err := c.r.Peek(1); err != nil {
		if writeErr != nil && !errors.Is(writeErr, errAnswered) {
			err = writeErr
		}
		return fail(ErrInterrupted, err)
	}
	resp, err := http.ReadResponse(c.r, r)
	for err == nil && resp.StatusCode >= 100 && resp.StatusCode < 200 {
		resp, err = http.ReadResponse(c.r, r)
	}
	if err != nil {
		return fail(ErrInterrupted, err)
	}
	if writeErr != nil {
		resp.Close = true // what we sent is incomplete, so this connection ends
	}
	return &Exchange{Response: resp, Partly: writeErr != nil, u: u, c: c, release: release}, nil
}

// errAnswered ends a body that the service answered before it came.
var errAnswered = errors.New("answered already")

// recordedBody keeps the error of reading the body, because Request.Write returns
// errors of reading and of writing alike. It ends when the service has answered: it takes
// no more, and what the client sends would be decrypted and copied for nothing.
type recordedBody struct {
	io.ReadCloser
	conn  net.Conn
	left  int64 // of a known length
	begun bool
	err   error
}

func (b *recordedBody) Read(buf []byte) (int, error) {
	if b.begun && b.left != 0 && !alive(b.conn) {
		return 0, errAnswered
	}
	b.begun = true
	n, err := b.ReadCloser.Read(buf)
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// Done returns the connection to the pool if the answer was read to its end and the
// service did not ask to close; otherwise it closes it.
func (e *Exchange) Done(complete bool) {
	stopped := e.release()
	if complete && stopped && !e.Response.Close && e.c.r.Buffered() == 0 && e.c.SetDeadline(time.Time{}) == nil {
		e.c.pooled = true
		select {
		case e.u.pool <- e.c:
			return
		default:
		}
	}
	e.c.Close()
}

// Extend gives the answer's body another d to make progress.
func (e *Exchange) Extend(d time.Duration) error { return e.c.SetReadDeadline(time.Now().Add(d)) }

// get takes a pooled connection that is still open, or dials.
func (u *Upstream) get(ctx context.Context) (*conn, error) {
	for {
		select {
		case c := <-u.pool:
			if alive(c.Conn) {
				return c, nil
			}
			c.Close()
			continue
		default:
		}
		raw, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", u.socket)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: raw, r: bufio.NewReaderSize(raw, 8<<10), w: bufio.NewWriterSize(raw, 16<<10)}, nil
	}
}

// Check reports whether the service takes connections.
func (u *Upstream) Check(ctx context.Context) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", u.socket)
	if err != nil {
		return err
	}
	return c.Close()
}
