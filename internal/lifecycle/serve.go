package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Service is one HTTP service on sockets it was handed.
type Service struct {
	Server    *http.Server
	Listeners []net.Listener

	// Start is repeated until it passes; only then the service is ready. Nil means
	// Check.
	Start func(context.Context) error

	// Check reports whether the service's dependencies work; while it fails the
	// watchdog is not fed. Nil means that the service has none.
	Check func(context.Context) error

	// LameDuck is how long a stopping service still answers, asking clients to
	// reconnect, before it stops accepting. Otherwise a keep-alive client might send
	// its next request while the connection is being closed. Zero means 300 ms.
	LameDuck time.Duration

	// TLS serves TLS with the server's own TLSConfig, HTTP/2 included.
	TLS bool

	// Drain is how long requests under way may take after that. Zero means 10 s.
	Drain time.Duration

	Log *slog.Logger
}

// Run serves until ctx ends, then drains. It sends READY=1 once Start passes, feeds
// the watchdog while Check passes, and returns nil after a clean drain.
func (s *Service) Run(ctx context.Context) error {
	if s.LameDuck == 0 {
		s.LameDuck = 300 * time.Millisecond
	}
	if s.Drain == 0 {
		s.Drain = 10 * time.Second
	}
	var stopping atomic.Bool
	next := s.Server.Handler
	s.Server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stopping.Load() && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})

	open := newConnections()
	s.Server.ConnState = open.note
	if err := s.waitReady(ctx); err != nil {
		return err
	}
	served := make(chan error, len(s.Listeners))
	for _, ln := range s.Listeners {
		go func() {
			// Until Serve returns it may hold an accepted connection that ConnState
			// has not reported.
			if s.TLS {
				served <- s.Server.ServeTLS(ln, "", "")
			} else {
				served <- s.Server.Serve(ln)
			}
		}()
	}
	if err := Notify(daemon.SdNotifyReady); err != nil {
		return err
	}
	watch, stopWatch := context.WithCancel(ctx)
	defer stopWatch()
	go Watchdog(watch, s.Check, s.Log)

	select {
	case <-ctx.Done():
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	}
	if err := Notify(daemon.SdNotifyStopping); err != nil {
		s.Log.Warn("telling systemd that the service stops", "error", err)
	}
	stopping.Store(true)
	time.Sleep(s.LameDuck)
	// Accepting ends first, so that Serve holds no connection that ConnState has not
	// reported. Connections in the kernel's queue wait for the next process, because
	// systemd keeps the socket open.
	for _, ln := range s.Listeners {
		if err := ln.Close(); err != nil {
			s.Log.Warn("closing a listener", "error", err)
		}
	}
	for range s.Listeners {
		if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.Log.Warn("serving a listener", "error", err)
		}
	}
	open.waitIdle(s.Drain)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	if err := s.Server.Shutdown(deadline); err != nil {
		s.Log.Warn("requests were cut off at the end of the drain", "error", err, "drain", s.Drain)
		return s.Server.Close()
	}
	return nil
}

// waitReady repeats Start until it passes or ctx ends. It has no limit of its own,
// because the unit's TimeoutStartSec= is the limit.
func (s *Service) waitReady(ctx context.Context) error {
	start := s.Start
	if start == nil {
		start = s.Check
	}
	if start == nil {
		return nil
	}
	var last error
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		try, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := start(try)
		cancel()
		if err == nil {
			return nil
		}
		if last == nil || last.Error() != err.Error() {
			s.Log.Info("waiting for what this service depends on", "error", err)
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped before it was ready: %w", err)
		case <-time.After(wait):
		}
	}
}
