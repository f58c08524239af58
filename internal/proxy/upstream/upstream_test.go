package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/proxy/upstream"
)

func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "up")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// script answers each connection by a function of its own, the last for all
// further ones, and counts the connections.
func script(t *testing.T, path string, answers ...func(net.Conn)) *atomic.Int32 {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	count := new(atomic.Int32)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := int(count.Add(1))
			go answers[min(n, len(answers))-1](c)
		}
	}()
	return count
}

// say reads a request's head and answers it with text, any number of times.
func say(text string) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			io.WriteString(c, text)
		}
	}
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func hangUp(c net.Conn) {
	c.Read(make([]byte, 64<<10))
	c.Close()
}

func request(t *testing.T, method string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://x/api/y", body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exchange(t *testing.T, u *upstream.Upstream) {
	t.Helper()
	e, err := u.Do(t.Context(), request(t, "GET", nil), true, true)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(e.Response.Body)
	if err != nil || string(data) != "ok" {
		t.Errorf("%q %v", data, err)
	}
	e.Done(true)
}

func TestConnectionsAreUsedAgainWhileTheyLive(t *testing.T) {
	t.Parallel()
	path := socket(t)
	count := script(t, path, func(c net.Conn) { say(fine)(c) })
	u := upstream.New(path)
	for range 5 {
		exchange(t, u)
	}
	if n := count.Load(); n != 1 {
		t.Errorf("five requests took %d connections", n)
	}
}

func TestAConnectionTheServiceClosedIsNotUsed(t *testing.T) {
	t.Parallel()
	path := socket(t)
	count := script(t, path, func(c net.Conn) {
		c.Read(make([]byte, 64<<10))
		io.WriteString(c, fine)
		time.Sleep(20 * time.Millisecond)
		c.Close()
	}, say(fine))
	u := upstream.New(path)
	exchange(t, u)
	time.Sleep(60 * time.Millisecond)
	e, err := u.Do(t.Context(), request(t, "POST", strings.NewReader("x")), false, false) // nothing may be repeated here
	if err != nil || count.Load() != 2 {
		t.Fatalf("%v on connection %d", err, count.Load())
	}
	e.Done(false)
}

func TestAServiceThatIsStartingIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := socket(t)
	u := upstream.New(path)
	if _, err := u.Do(t.Context(), request(t, "GET", nil), false, true); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { script(t, path, say(fine)) })
	exchange(t, u)
}

func TestWhatMayHaveBeenProcessedIsRepeatedOnlyIfHarmless(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		path := socket(t)
		count := script(t, path, hangUp, say(fine))
		e, err := upstream.New(path).Do(t.Context(), request(t, "POST", strings.NewReader("x")), true, again)
		if again {
			if err != nil || count.Load() != 2 {
				t.Errorf("harmless: %v after %d connections", err, count.Load())
				continue
			}
			e.Done(false)
		} else if !errors.Is(err, upstream.ErrInterrupted) || count.Load() != 1 {
			t.Errorf("harmful: %v after %d connections", err, count.Load())
		}
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestABrokenBodyIsTheVisitorsError(t *testing.T) {
	t.Parallel()
	path := socket(t)
	script(t, path, func(c net.Conn) { io.Copy(io.Discard, c) }) // reads on for ever
	mine := errors.New("the visitor left")
	began := time.Now()
	_, err := upstream.New(path).Do(t.Context(), request(t, "POST", io.MultiReader(strings.NewReader("begin"), broken{mine})), false, false)
	if !errors.Is(err, mine) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestTheVisitorsLeavingEndsTheExchange(t *testing.T) {
	t.Parallel()
	path := socket(t)
	closed := make(chan struct{})
	script(t, path, func(c net.Conn) {
		io.Copy(io.Discard, c) // until the proxy hangs up
		close(closed)
	})
	ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	if _, err := upstream.New(path).Do(ctx, request(t, "GET", nil).WithContext(ctx), true, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("the service was not told")
	}
}

func TestInterimAnswersAreSkippedAndUnfinishedOnesNotReused(t *testing.T) {
	t.Parallel()
	path := socket(t)
	count := script(t, path, say("HTTP/1.1 103 Early Hints\r\n\r\n"+fine), say(fine))
	u := upstream.New(path)
	e, err := u.Do(t.Context(), request(t, "GET", nil), true, true)
	if err != nil || e.Response.StatusCode != 200 {
		t.Fatalf("%v", err)
	}
	e.Done(false)
	exchange(t, u)
	if count.Load() != 2 {
		t.Error("a connection with half an answer on it was used again")
	}
}

// turn is a body of 64 MiB that lets the service answer once its first bytes are read.
type turn struct {
	answered chan struct{}
	read     int
}

func (b *turn) Read(buf []byte) (int, error) {
	if b.read >= 64<<10 {
		<-b.answered
	}
	if b.read >= 64<<20 {
		return 0, io.EOF
	}
	b.read += len(buf)
	return len(buf), nil
}

func (b *turn) Close() error { return nil }

// The rest of a body that the service has answered is not read, and the connection is not
// used again.
func TestABodyThatWasAnsweredIsNotReadOn(t *testing.T) {
	for _, length := range []int64{64 << 20, -1} {
		path := socket(t)
		body := &turn{answered: make(chan struct{})}
		script(t, path, func(c net.Conn) {
			c.Read(make([]byte, 1000))
			io.WriteString(c, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno")
			close(body.answered)
			io.Copy(io.Discard, c)
		})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x/", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = length
		e, err := upstream.New(path).Do(t.Context(), r, false, false)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(e.Response.Body)
		if err != nil || string(text) != "no" || e.Response.StatusCode != 429 || !e.Partly || !e.Response.Close {
			t.Errorf("%d %q, %v, partly %v", e.Response.StatusCode, text, err, e.Partly)
		}
		if body.read > 128<<10 {
			t.Errorf("of a body that was answered %d bytes were read", body.read)
		}
		e.Done(true)
	}
}

// A body that came whole before the answer leaves its connection for others.
func TestABodyThatCameWholeKeepsItsConnection(t *testing.T) {
	path := socket(t)
	script(t, path, func(c net.Conn) {
		for {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	u := upstream.New(path)
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x/", bytes.NewReader(make([]byte, 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		e, err := u.Do(t.Context(), r, true, true)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, e.Response.Body)
		if e.Partly || e.Response.Close {
			t.Error("its connection is given up")
		}
		e.Done(true)
	}
}
