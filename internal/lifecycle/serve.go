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

	// Start gates readiness: it is repeated until it passes. Nil means Check.
	Start func(context.Context) error

	// Check answers whether the service's own dependency works, and feeds the
	// watchdog; nil means the process itself is enough.
	Check func(context.Context) error

	// LameDuck is how long a stopping service still answers, asking clients to
	// reconnect, before it stops accepting. It spares keep-alive clients the
	// race between their next request and our close. Zero means 300 ms.
	LameDuck time.Duration

	// TLS serves TLS with the server's own TLSConfig, HTTP/2 included.
	TLS bool

	// Drain is how long requests under way may take after that. Zero means 10 s.
	Drain time.Duration

	Log *slog.Logger
}

// Run serves until ctx ends, then drains. It reports READY once Check passes,
// feeds the watchdog only while it does, and returns nil after a clean drain.
func (s *Service) Run(ctx context.Context) error {
	if s.LameDuck == 0 {
		s.LameDuck = 300 * time.Millisecond
	}
	if s.Drain == 0 {
		s.Drain = 10 * time.Second
	}
	var leaving atomic.Bool
	next := s.Server.Handler
	s.Server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if leaving.Load() && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})

	open := newConnections()
	s.Server.ConnState = open.note
	if err := s.waitHealthy(ctx); err != nil {
		return err
	}
	served := make(chan error, len(s.Listeners))
	for _, ln := range s.Listeners {
		go func() {
			// Until it returns, Serve may hold a connection it has accepted but not
			// noted yet.
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
	leaving.Store(true)
	time.Sleep(s.LameDuck)
	// Accepting ends first, so that Serve holds no connection that it has not
	// noted; what the kernel has queued is the next process's, because systemd
	// holds the socket.
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
	open.settle(s.Drain)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	if err := s.Server.Shutdown(deadline); err != nil {
		s.Log.Warn("requests were cut off at the end of the drain", "error", err, "drain", s.Drain)
		return s.Server.Close()
	}
	return nil
}

// waitHealthy repeats Start until it passes or ctx ends: systemd's
// TimeoutStartSec= is the limit, so that one number in the unit rules.
func (s *Service) waitHealthy(ctx context.Context) error {
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
