package scratch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// forEver is longer than anything here lasts.
const forEver = 1000 * time.Hour

// Place is where a Worker works, with the rights of its account.
type Place struct {
	Data    string // the data directory; its parent is made if it is missing
	Dir     string // for the server's socket, settings and log; removed in the end
	Durable bool   // the data is to be used, and stays; otherwise it is removed in the end
}

// Worker runs a server for the Client at the other end of a connection.
type Worker struct {
	Place
	Programs *pgcluster.Cluster         // finds what is installed
	Fetch    func(socket string) string // the restore_command that asks a socket for WAL
	Log      *slog.Logger

	turn    sync.Mutex // one verb at a time
	server  *pgcluster.Scratch
	dumping error
}

// Serve works until the connection ends or ctx does. Nothing that it has started is left
// when it returns.
func (w *Worker) Serve(ctx context.Context, conn net.Conn) (err error) {
	session, err := yamux.Server(conn, settings())
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }() // the connection has ended
	if err := w.begin(); err != nil {
		return fmt.Errorf("preparing for a scratch server: %w", err)
	}
	defer func() { err = errors.Join(err, w.end()) }()
	ctx, cancel := context.WithCancel(ctx)
	var streams sync.WaitGroup
	defer streams.Wait()
	defer cancel()
	stopping := context.AfterFunc(ctx, func() { _ = session.Close() })
	defer stopping()
	wal, err := w.relayWAL(session)
	if err != nil {
		return err
	}
	defer wal.Close()
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return nil //nolint:nilerr // the Client has gone, and with it the reason to work
		}
		streams.Go(func() {
			defer func() { _ = stream.Close() }() // the Client may have gone
			w.answer(ctx, stream)
		})
	}
}

func (w *Worker) begin() error {
	if err := os.MkdirAll(filepath.Dir(w.Data), 0o700); err != nil {
		return err
	}
	if !w.Durable { // one that was killed may have left it
		if err := os.RemoveAll(w.Data); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(w.Dir), os.Mkdir(w.Dir, 0o700)); err != nil {
		return err
	}
	w.server = &pgcluster.Scratch{DataDir: w.Data, Dir: w.Dir, Durable: w.Durable}
	return nil
}

func (w *Worker) end() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	err := errors.Join(w.server.Stop(), os.RemoveAll(w.Dir))
	if !w.Durable {
		err = errors.Join(err, os.RemoveAll(w.Data))
	}
	return err
}

func (w *Worker) socket() string { return filepath.Join(w.Dir, "wal.sock") }

// relayWAL brings the requests of restore_command to the Client.
func (w *Worker) relayWAL(session *yamux.Session) (net.Listener, error) {
	ln, err := net.Listen("unix", w.socket())
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // Serve has ended
			}
			stream, err := session.OpenStream()
			if err != nil {
				conn.Close()
				return
			}
			go relay(stream, conn)
		}
	}()
	return ln, nil
}

// answer does what one stream asks for.
func (w *Worker) answer(ctx context.Context, stream net.Conn) {
	body := bufio.NewReaderSize(stream, longestLine)
	var r request
	if err := readLine(body, &r); err != nil {
		w.Log.Warn("the scratch server was asked something that it does not understand", "error", err)
		return
	}
	if r.Verb == connect {
		w.connect(stream, body)
		return
	}
	if w.take(ctx, r, stream, body) {
		_, _ = io.Copy(io.Discard, body) // the Client stops sending when it has the answer
	}
}

// take does one verb, and tells whether the Client may still be sending for it.
func (w *Worker) take(ctx context.Context, r request, stream net.Conn, body io.Reader) (sends bool) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if r.Verb == dump {
		w.dumping = w.dump(ctx, r, stream)
		return false
	}
	err := w.do(ctx, r, body)
	if err == nil { // what lies behind that which is needed proves it at the other end
		_, err = io.Copy(io.Discard, body)
	}
	if err != nil && ctx.Err() == nil {
		w.Log.Warn("the scratch server", "step", string(r.Verb), "error", err)
	}
	// A Client that has what it wanted may end the session before it hears the last answer.
	if err := writeLine(stream, answerOf(err)); err != nil && ctx.Err() == nil && !errors.Is(err, yamux.ErrSessionShutdown) {
		w.Log.Warn("telling what came out", "error", err)
	}
	return err != nil
}

func (w *Worker) do(ctx context.Context, r request, body io.Reader) error {
	if err := w.use(ctx, r); err != nil {
		return err
	}
	switch r.Verb {
	case unpack:
		return w.unpack(body)
	case initialize:
		return w.server.Initialize(ctx)
	case verify:
		return w.server.Verify(ctx)
	case start:
		if r.Target != nil {
			r.Target.Command = w.Fetch(w.socket())
		}
		err := w.server.Start(ctx, r.Target)
		if len(w.server.Disarmed) > 0 {
			w.Log.Warn("the copy has what would run by itself; it was switched off in the copy", "what", w.server.Disarmed)
		}
		return err
	case extract:
		return w.server.ExtractProduct(ctx)
	case load:
		return w.server.Load(ctx, body, r.Namespace)
	case check:
		return w.server.Check(ctx)
	case newTimeline:
		return w.server.StartNewTimeline(ctx, r.Beyond)
	case stop:
		return w.server.Stop()
	case dumped:
		return w.dumping
	}
	return fmt.Errorf("there is no step %q", r.Verb)
}

// use finds the programs of the version that is asked for.
func (w *Worker) use(ctx context.Context, r request) error {
	if r.Verb == dumped || r.Verb == stop || r.Verb == unpack {
		return nil
	}
	w.server.Origin = r.Origin
	if w.server.Server.Major == r.Major {
		return nil
	}
	var err error
	w.server.Server, err = w.Programs.ServerOf(ctx, r.Major)
	return err
}

func (w *Worker) unpack(body io.Reader) error {
	root, err := os.OpenRoot(filepath.Dir(w.Data))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := Unpack(root, filepath.Base(w.Data), body, func(int64) error { return nil }); err != nil || !w.Durable {
		return err
	}
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	// One call is much faster than one for each of many small files.
	return unix.Syncfs(int(dir.Fd()))
}

func (w *Worker) dump(ctx context.Context, r request, to io.Writer) error {
	if err := w.use(ctx, r); err != nil {
		return err
	}
	d, err := w.server.Dump(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = io.Copy(to, d)
	return err
}

// connect leads a stream to the server.
func (w *Worker) connect(stream net.Conn, body *bufio.Reader) {
	conn, err := net.Dial("unix", filepath.Join(w.Dir, ".s.PGSQL.5432"))
	if err != nil {
		return // as for a server that is not there
	}
	relay(buffered{stream, body}, conn)
}

// buffered is a stream of which a part was read into a buffer.
type buffered struct {
	net.Conn
	body *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.body.Read(p) }
