package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// Each request has a segment of 16 MiB in memory, and a server in recovery asks for one
// file at a time.
const (
	maxRequests = 4
	maxRequest  = 10 * time.Minute // for a segment from a slow target
)

// Serve gives WAL to a server in recovery, over a unix socket that only its account
// can reach, until ctx ends. So the server needs no key, and space for one segment.
// Without segments it gives only the histories of timelines. failed is called when a
// file could not be given. A file that is missing is how recovery ends, and no failure.
func (w *WAL) Serve(ctx context.Context, ln net.Listener, segments bool, failed func(error)) error {
	turns := make(chan struct{}, maxRequests)
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		if !segments && !historyName.MatchString(name) {
			http.Error(rw, ErrMissing.Error(), http.StatusNotFound)
			return
		}
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		case <-r.Context().Done():
			return
		}
		// Of a client that reads nothing, the write ends; of a target that gives nothing,
		// the context does.
		ctx, cancel := context.WithTimeout(r.Context(), maxRequest)
		defer cancel()
		_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(maxRequest)) // sockets have one
		body, err := w.Open(ctx, name)
		if errors.Is(err, ErrMissing) {
			http.Error(rw, err.Error(), http.StatusNotFound)
			return
		}
		if err == nil {
			defer body.Close()
			_, err = io.Copy(rw, body)
		}
		if err != nil {
			failed(err)
			panic(http.ErrAbortHandler) // otherwise half a segment would look whole
		}
	})}
	stopping := context.AfterFunc(ctx, func() { s.Close() })
	defer stopping()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("handing out WAL: %w", err)
	}
	return nil
}

// Fetch asks Serve for a file, as restore_command does. It writes the file whole or
// not at all, and returns ErrMissing when there is none.
func Fetch(ctx context.Context, socket, name, to string) error {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://wal/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotFound:
		return ErrMissing
	case http.StatusOK:
	default:
		return fmt.Errorf("asking for %s: %s", name, resp.Status)
	}
	f, err := os.OpenFile(to+".fetching", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = unix.Rename(to+".fetching", to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", to, err), os.Remove(to+".fetching"))
	}
	return nil
}
