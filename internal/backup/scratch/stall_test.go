package scratch

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

// patience is how long a call may take that waits for nothing.
const patience = time.Minute

// pair is a Client and its Worker, whose programs are the scripts of bin.
func pair(t *testing.T) (c *Client, bin string) {
	t.Helper()
	dir := t.TempDir()
	bin = filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	w := Worker{
		Place:    Place{Data: filepath.Join(dir, "data", "database"), Dir: filepath.Join(dir, "w")},
		Programs: &pgcluster.Cluster{}, Fetch: func(string) string { return "false" }, Log: slog.New(slog.DiscardHandler),
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve(context.Background(), theirs) }()
	c, err := New(ours, filepath.Join(dir, "c"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		inTime(t, "the Worker", func() error { return <-served })
	})
	if err := c.Stop(t.Context()); err != nil { // it has begun
		t.Fatal(err)
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	w.server.Server = pgcluster.Server{Bin: bin} // of the major version that c asks for, 0
	return c, bin
}

// inTime fails when a call does not return.
func inTime(t *testing.T, what string, call func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatalf("%s hangs", what)
		return nil
	}
}

// script puts a program in the place of one of the server's.
func script(t *testing.T, bin, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
}

// What takes a dump may fail before its end, as when a customer's server refuses a row.
// The Worker is then in the middle of writing it, and has no turn for anything else.
func TestADumpThatNobodyReadsToItsEndKeepsNothingWaiting(t *testing.T) {
	t.Parallel()
	c, bin := pair(t)
	script(t, bin, "pg_dump", "exec head -c 67108864 /dev/zero")
	d, err := c.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(d, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := inTime(t, "Stop", func() error { return c.Stop(context.WithoutCancel(t.Context())) }); err == nil {
		t.Error("a Worker that was left in the middle of a dump shut the server down")
	}
}

func TestADumpEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, bin := pair(t)
	script(t, bin, "pg_dump", "echo begun; exec sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	d, err := c.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := io.ReadFull(d, make([]byte, len("begun\n"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	err = inTime(t, "reading", func() error {
		_, err := d.Read(make([]byte, 1))
		return err
	})
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a dump that was cancelled ends with %v, as if it were whole", err)
	}
}

func TestADumpReadToItsEndLeavesTheWorkerAtWork(t *testing.T) {
	t.Parallel()
	c, bin := pair(t)
	script(t, bin, "pg_dump", "exec head -c 67108864 /dev/zero")
	ctx, cancel := context.WithCancel(t.Context())
	d, err := c.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = inTime(t, "reading", func() error {
		n, err := io.Copy(io.Discard, d)
		if n != 64<<20 {
			t.Errorf("%d bytes came", n)
		}
		return err
	})
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	cancel() // what is over cannot be cancelled
	if err := inTime(t, "Stop", func() error { return c.Stop(t.Context()) }); err != nil {
		t.Error(err)
	}
}

// A Worker that refuses the first member of a tar answers before the rest has come, which
// is more than the window of a stream.
func TestAStepThatFailsEarlyEndsWhatIsSentForIt(t *testing.T) {
	t.Parallel()
	c, _ := pair(t)
	body, to := io.Pipe()
	defer body.Close() // ends the goroutine
	go func() {
		tw := tar.NewWriter(to)
		err := tw.WriteHeader(&tar.Header{Name: "pg_tblspc/1", Typeflag: tar.TypeSymlink, Linkname: "/x"})
		const size = 64 << 20
		err = errors.Join(err, tw.WriteHeader(&tar.Header{Name: "base/1", Typeflag: tar.TypeReg, Size: size, Mode: 0o600}))
		for sent := 0; err == nil && sent < size; sent += 1 << 20 {
			_, err = tw.Write(make([]byte, 1<<20))
		}
		to.CloseWithError(errors.Join(err, tw.Close()))
	}()
	if err := inTime(t, "Unpack", func() error { return c.Unpack(t.Context(), body) }); err == nil {
		t.Error("a tar with a link out of the data directory was taken")
	}
	if err := inTime(t, "Stop", func() error { return c.Stop(t.Context()) }); err != nil {
		t.Errorf("after a step that failed: %v", err)
	}
}

// The end of a body proves that it is what was saved, and may lie behind what the Worker
// needs of it.
func TestABodyIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	c, _ := pair(t)
	forged := errors.New("its hash is another")
	body, to := io.Pipe()
	go func() {
		tw := tar.NewWriter(to)
		err := errors.Join(tw.WriteHeader(&tar.Header{Name: "base", Typeflag: tar.TypeDir, Mode: 0o700}), tw.Close())
		for range 32 {
			_, behind := to.Write(make([]byte, 1<<20))
			err = errors.Join(err, behind)
		}
		to.CloseWithError(errors.Join(err, forged))
	}()
	if err := inTime(t, "Unpack", func() error { return c.Unpack(t.Context(), body) }); !errors.Is(err, forged) {
		t.Errorf("a body that breaks at its end: %v", err)
	}
	if err := inTime(t, "Stop", func() error { return c.Stop(t.Context()) }); err != nil {
		t.Error(err)
	}
}
