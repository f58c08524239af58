package pgcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
)

// BaseBackup is a running copy of the cluster: a tar stream of everything,
// with the WAL that makes it consistent, so that it can be restored by itself.
// Read ends with io.EOF only if pg_basebackup ended well.
type BaseBackup struct {
	*output
	held *heldWAL
}

// Read reads the stream.
func (b *BaseBackup) Read(p []byte) (int, error) {
	n, err := b.output.Read(p)
	if err != nil {
		err = b.ended(err)
	}
	return n, err
}

// ended lets go of the WAL once the program has ended, however that was.
func (b *BaseBackup) ended(err error) error {
	if !errors.Is(err, io.EOF) {
		err = b.held.explain(err)
	}
	b.held.release()
	return err
}

// Close ends the copy if it still runs.
func (b *BaseBackup) Close() error {
	defer b.held.release()
	return b.output.Close()
}

// BaseBackup starts a copy of our cluster; see Upstream.BaseBackup.
func (c *Cluster) BaseBackup(ctx context.Context) (*BaseBackup, error) {
	return c.Upstream().BaseBackup(ctx)
}

// Dump starts pg_dump of our schema, as one file that pg_restore of the same or
// a newer version reads. Read ends with io.EOF only if pg_dump ended well.
func (c *Cluster) Dump(ctx context.Context) (io.ReadCloser, error) {
	// Not compressed: the repository compresses, and deduplicates only plain data.
	return c.output(ctx, "pg_dump", "--dbname="+c.DSN(Backup, Database), "--format=custom", "--compress=0", "--schema="+Database, "--no-password")
}

// output is what a program writes, ending with an error if the program does.
type output struct {
	name   string
	cmd    *exec.Cmd
	out    io.ReadCloser
	stderr *tail
	once   sync.Once
	err    error // how the program ended
	end    error // what every Read after the last one says
}

func (c *Cluster) output(ctx context.Context, name string, args ...string) (*output, error) {
	server, err := c.RunningServer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := start(command(ctx, server.program(name), c.environment(), args...), client{})
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, c.install(server.Major), "starting %s", name)
	}
	return o, nil
}

func command(ctx context.Context, program string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir = env, "/"
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func start(cmd *exec.Cmd, as client) (_ *output, err error) {
	b := &output{name: filepath.Base(cmd.Path), cmd: cmd, stderr: &tail{}}
	cmd.Stderr = b.stderr
	if b.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	widen(b.out)
	return b, as.start(cmd)
}

// widen asks for as large a pipe as an ordinary account may have; a refusal only
// costs time.
func widen(pipe io.Reader) {
	f, ok := pipe.(*os.File)
	if !ok {
		return
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
}

// Read reads what the program writes.
func (b *output) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.out.Read(p)
	if err == nil {
		return n, nil
	}
	b.end = err
	// A broken pipe, like its end, follows from how the program ended.
	if ended := b.wait(); ended != nil {
		b.end = ended
	}
	return n, b.end
}

func (b *output) wait() error {
	b.once.Do(func() {
		if err := b.cmd.Wait(); err != nil {
			b.err = fmt.Errorf("%s: %w: %s", b.name, err, lastLines(b.stderr.bytes()))
		}
	})
	return b.err
}

// Close ends the program if it still runs.
func (b *output) Close() error {
	_ = b.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_, _ = io.Copy(io.Discard, b.out)         // otherwise it would wait for a reader
	_ = b.wait()                              // a reader that came to the end knows the error
	return nil
}

var (
	startPoint = regexp.MustCompile(`write-ahead log start point: ([0-9A-F]+/[0-9A-F]+) on timeline (\d+)`)
	endPoint   = regexp.MustCompile(`write-ahead log end point: ([0-9A-F]+/[0-9A-F]+)`)
)

// Extent is the part of the WAL that a base backup spans.
type Extent struct {
	Start    string `json:"start_lsn"`
	Stop     string `json:"stop_lsn"` // consistent from here on
	Timeline int    `json:"timeline"`
}

// Extent is known once the stream was read to its end.
func (b *BaseBackup) Extent() (Extent, error) {
	if err := b.wait(); err != nil {
		return Extent{}, b.ended(err)
	}
	said := string(b.stderr.bytes())
	start, end := startPoint.FindStringSubmatch(said), endPoint.FindStringSubmatch(said)
	if start == nil || end == nil {
		return Extent{}, fmt.Errorf("pg_basebackup did not tell its extent: %s", lastLines([]byte(said)))
	}
	timeline, err := strconv.Atoi(start[2])
	return Extent{Start: start[1], Stop: end[1], Timeline: timeline}, err
}

// tail keeps the last 64 KiB of the output of a program.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 64<<10; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf)
}
