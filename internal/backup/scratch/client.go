package scratch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Client has a Worker work. Its methods are those of pgcluster.Scratch.
type Client struct {
	Major  int              // of the server
	Origin pgcluster.Origin // of a copy of a customer's server
	Bytes  int64            // of the database, for which the Client waits longer

	conn    net.Conn
	session *yamux.Session
	dir     string
	ln      net.Listener
	wal     chan net.Conn
	ended   chan struct{}
	end     sync.Once
	after   func() error

	patience  time.Duration             // the least; zero: leastPatience
	tooLate   atomic.Pointer[error]     // why it gave up
	replaying atomic.Pointer[impatient] // with a server in recovery, which asks for WAL
}

// New takes the connection to a Worker. dir is a new directory for the socket by which
// this process reaches the server; it is removed by Close.
func New(conn net.Conn, dir string) (*Client, error) {
	session, err := yamux.Client(conn, settings())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &Client{conn: conn, session: session, dir: dir, wal: make(chan net.Conn), ended: make(chan struct{})}
	if err = os.Mkdir(dir, 0o700); err == nil {
		c.ln, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a socket for the scratch server: %w", err), c.Close())
	}
	go c.relayConnections()
	go c.takeStreams()
	return c, nil
}

// Close ends the Worker and everything that it has started.
func (c *Client) Close() error {
	var err error
	c.end.Do(func() {
		close(c.ended)
		if c.ln != nil {
			err = c.ln.Close()
		}
		err = errors.Join(err, c.session.Close(), c.conn.Close(), os.RemoveAll(c.dir))
		if errors.Is(err, net.ErrClosed) { // the session has closed the connection
			err = nil
		}
		if c.after != nil {
			err = errors.Join(err, c.after())
		}
		err = errors.Join(c.late(), err)
	})
	return err
}

// AfterClose lets Close end with more.
func (c *Client) AfterClose(f func() error) { c.after = f }

// Dir is the directory of the socket by which this process reaches the server.
func (c *Client) Dir() string { return c.dir }

// DSN connects as superuser.
func (c *Client) DSN(database string) string { return c.view().DSN(database) }

// OwnerDSN connects to our database as its owner, who has no other rights.
func (c *Client) OwnerDSN() string { return c.view().OwnerDSN() }

// view is the server as this process reaches it.
func (c *Client) view() *pgcluster.Scratch {
	return &pgcluster.Scratch{Server: pgcluster.Server{Major: c.Major}, Dir: c.dir, Origin: c.Origin, Patience: c.patienceFor(connect)}
}

func (c *Client) relayConnections() {
	for {
		conn, err := c.ln.Accept()
		if err != nil {
			return // closed
		}
		i := c.impatient(connect, connectionFactor*c.patienceFor(connect))
		i.wait()
		stream, err := c.ask(request{Verb: connect})
		if err != nil {
			i.rest()
			conn.Close()
			continue
		}
		go func() {
			defer i.rest()
			relay(stream, conn)
		}()
	}
}

// takeStreams takes those that ask for WAL.
func (c *Client) takeStreams() {
	for {
		stream, err := c.session.AcceptStream()
		if err != nil {
			return // the Worker has ended
		}
		if i := c.replaying.Load(); i != nil {
			i.progress()
		}
		select {
		case c.wal <- stream:
		case <-c.ended:
			_ = stream.Close() // nobody waits for it
			return
		}
	}
}

// ask opens a stream for a request.
func (c *Client) ask(r request) (net.Conn, error) {
	r.Major, r.Origin = c.Major, c.Origin
	stream, err := c.session.OpenStream()
	if err == nil {
		err = writeLine(stream, r)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the process of the scratch server: %w", err)
	}
	return stream, nil
}

// call asks, sends a body if there is one, and returns the answer. A cancelled ctx ends
// the connection, and with it the Worker; so does one that keeps the Client waiting.
func (c *Client) call(ctx context.Context, r request, body io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	cancelled := context.AfterFunc(ctx, func() { _ = c.session.Close() })
	defer cancelled()
	i := c.impatient(r.Verb, c.patienceFor(r.Verb))
	if r.Verb == start {
		c.replaying.Store(i)
		defer c.replaying.Store(nil)
	}
	if err := c.converse(r, body, i); err != nil {
		return errors.Join(ctx.Err(), c.late(), err)
	}
	return nil
}

func (c *Client) converse(r request, body io.Reader, i *impatient) error {
	i.wait()
	stream, err := c.ask(r)
	i.rest()
	if err != nil {
		return err
	}
	defer stream.Close()
	answered := make(chan error, 1)
	go func() { answered <- awaitAnswer(stream) }()
	var broken error
	if body != nil {
		source := &pgcluster.Source{From: body}
		_, broken = io.Copy(counted{stream, i}, source)
		if source.Err != nil { // what came cannot be told from the whole
			return source.Err
		}
	}
	if err := stream.Close(); err != nil { // only this direction
		return err
	}
	i.wait()
	err = <-answered
	i.rest()
	if err != nil {
		return err
	}
	return broken
}

// awaitAnswer reads the answer of a stream. A step that failed needs no more of what is
// sent for it, and the Worker may read none of it: sending ends.
func awaitAnswer(stream net.Conn) error {
	var a answer
	err := readLine(bufio.NewReaderSize(stream, longestLine), &a)
	if err != nil {
		err = fmt.Errorf("the process of the scratch server has ended: %w", err)
	} else {
		err = a.err()
	}
	if err != nil {
		err = errors.Join(err, stream.SetWriteDeadline(time.Now()))
	}
	return err
}

// Unpack sends the tar of a base backup.
func (c *Client) Unpack(ctx context.Context, body io.Reader) error {
	return c.call(ctx, request{Verb: unpack}, body)
}

// Initialize makes an empty cluster where the copy would be.
func (c *Client) Initialize(ctx context.Context) error {
	return c.call(ctx, request{Verb: initialize}, nil)
}

// Verify compares every file of the copy with its manifest.
func (c *Client) Verify(ctx context.Context) error { return c.call(ctx, request{Verb: verify}, nil) }

// Start recovers the copy up to the target, if there is one, and returns when the server
// answers. Its Command is the Worker's.
func (c *Client) Start(ctx context.Context, target *pgcluster.RecoveryTarget) error {
	return c.call(ctx, request{Verb: start, Target: target}, nil)
}

// ExtractProduct makes our database out of the copy of a customer's server.
func (c *Client) ExtractProduct(ctx context.Context) error {
	return c.call(ctx, request{Verb: extract}, nil)
}

// Load reads a logical copy into the running server.
func (c *Client) Load(ctx context.Context, dump io.Reader, namespace string) error {
	return c.call(ctx, request{Verb: load, Namespace: namespace}, dump)
}

// Check looks through every table and index of our database.
func (c *Client) Check(ctx context.Context) error { return c.call(ctx, request{Verb: check}, nil) }

// StartNewTimeline moves data that was shut down cleanly to a timeline beyond another.
func (c *Client) StartNewTimeline(ctx context.Context, beyond uint32) error {
	return c.call(ctx, request{Verb: newTimeline, Beyond: beyond}, nil)
}

// stopping is how long a server may take to write what it holds, and to end.
const stopping = 30 * time.Minute

// Stop shuts the server down. One that takes too long is ended with its Worker, since
// whoever stops it often has a ctx that is never cancelled.
func (c *Client) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopping)
	defer cancel()
	return c.call(ctx, request{Verb: stop}, nil)
}

// MarkWaiting marks our tables in the running copy, or takes a mark away.
func (c *Client) MarkWaiting(ctx context.Context, waits bool) error {
	return c.view().MarkWaiting(ctx, waits)
}

// Dump is a logical copy of our database. Read ends with io.EOF only if it is whole. A
// cancelled ctx, or a Close before that end, ends the connection, and with it the Worker,
// who would wait for ever for somebody to read the rest.
func (c *Client) Dump(ctx context.Context) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	i := c.impatient(dump, c.patienceFor(dump))
	i.wait()
	stream, err := c.ask(request{Verb: dump})
	i.rest()
	if err != nil {
		return nil, errors.Join(c.late(), err)
	}
	d := &dumping{ctx: ctx, client: c, stream: stream, impatient: i}
	d.cancelled = context.AfterFunc(ctx, func() { _ = c.session.Close() })
	return d, nil
}

type dumping struct {
	ctx       context.Context
	client    *Client
	stream    net.Conn
	impatient *impatient // what takes the dump may take its time
	cancelled func() bool
	over      atomic.Bool // the Worker has written everything
}

func (d *dumping) Read(p []byte) (int, error) {
	d.impatient.wait()
	n, err := d.stream.Read(p)
	d.impatient.rest()
	if late := d.client.late(); late != nil && err != nil {
		return n, late
	}
	if errors.Is(err, io.EOF) {
		d.over.Store(true)
		if failed := d.client.call(d.ctx, request{Verb: dumped}, nil); failed != nil {
			err = failed
		}
	}
	return n, err
}

func (d *dumping) Close() error {
	d.cancelled()
	if !d.over.Load() {
		return d.client.session.Close()
	}
	return d.stream.Close()
}

// WAL is where the server asks for WAL. Closing it ends nothing else.
func (c *Client) WAL() net.Listener { return &asked{c: c, closed: make(chan struct{})} }

type asked struct {
	c      *Client
	closed chan struct{}
	once   sync.Once
}

func (a *asked) Accept() (net.Conn, error) {
	select {
	case conn := <-a.c.wal:
		return conn, nil
	case <-a.closed:
	case <-a.c.ended:
	}
	return nil, net.ErrClosed
}

func (a *asked) Close() error {
	a.once.Do(func() { close(a.closed) })
	return nil
}

func (a *asked) Addr() net.Addr { return a.c.session.Addr() }
