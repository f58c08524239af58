// Package storagegate is a proxy between a unix socket and MinIO. It admits only the
// few S3 requests that the product makes, on one bucket.
//
// MinIO's community edition gets no more fixes, and its authentication has known
// bypasses: unsigned trailers, archives unpacked on upload, replication headers,
// unsigned copy sources and credentials in the query. The gate does not list those.
// It lists what the product's client sends and refuses every request that differs
// by a method, a query key, a header or a character of the path, so that it most
// likely refuses unknown bypasses too. It has no key and checks no signature; MinIO
// does. But it refuses a request whose signature does not have the plain form and
// cover every header that MinIO will see.
//
// The gate does not forward the request itself. It makes a new one from the parts
// that it examined, so that nothing else reaches MinIO.
package storagegate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// Options of a gate.
type Options struct {
	Bucket   string // the only bucket there is
	Upstream string // host:port of MinIO

	// Patience is how long a request waits for a MinIO that does not listen, so
	// that its restart costs a moment instead of an error.
	Patience time.Duration
	Log      *slog.Logger
}

// Gate is the handler behind the socket.
type Gate struct {
	bucket    string
	upstream  string
	transport *http.Transport
	log       *slog.Logger
}

// Address is where MinIO listens: on loopback of a network namespace that only
// it and the gate are in.
const Address = "127.0.0.1:9000"

// New returns the gate for o.
func New(o Options) *Gate {
	return &Gate{
		bucket:   o.Bucket,
		upstream: o.Upstream,
		log:      o.Log,
		transport: &http.Transport{
			Proxy:               nil, // HTTP_PROXY must not matter
			DialContext:         dial(o.Patience),
			MaxIdleConns:        64,
			MaxIdleConnsPerHost: 64,
			// MinIO closes an idle connection after 30 s. The gate closes it earlier, so
			// that an upload, which cannot be repeated here, never meets that close.
			IdleConnTimeout:    20 * time.Second,
			DisableCompression: true, // it would add an Accept-Encoding header
			// No ResponseHeaderTimeout: an upload to a slow disk may still succeed.
			// The client's context ends it.
		},
	}
}

// Server is an HTTP server for the gate. Its limits suit its one client, which sends
// few headers at once and may send a body slowly.
func (g *Gate) Server() *http.Server {
	return &http.Server{
		Handler:           g,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute, // longer than the client's
		MaxHeaderBytes:    16 << 10,
		// "OPTIONS *" is refused like everything else.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
}

// ServeHTTP refuses a request or sends it to MinIO.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	admitted, refused := g.examine(r)
	if refused != nil {
		// The path is quoted by the handler; the query and the headers may hold
		// credentials and stay out of the log.
		g.log.Warn("refused a storage request",
			"code", refused.code, "reason", refused.reason, "method", short(r.Method), "path", short(r.URL.Path))
		refused.write(w, r)
		return
	}
	g.forward(w, r, admitted)
}

// Check reports whether MinIO answers. The gate's readiness and watchdog use it.
func (g *Gate) Check(ctx context.Context) error {
	u := url.URL{Scheme: "http", Host: g.upstream, Path: "/minio/health/live"}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("asking MinIO for its health: %w", err)
	}
	resp, err := g.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("asking MinIO for its health: %w", err)
	}
	defer resp.Body.Close()
	// While MinIO opens its disks it answers 200 with a header that says so.
	if status := resp.Header.Get("X-Minio-Server-Status"); resp.StatusCode != http.StatusOK || status != "" {
		return fmt.Errorf("MinIO is not ready: status %d %s", resp.StatusCode, status)
	}
	return nil
}

// dial connects to MinIO and tries again while it does not listen. Nothing was sent
// before a connection exists, so every kind of request may wait here.
func dial(patience time.Duration) func(context.Context, string, string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		for end := time.Now().Add(patience); ; {
			conn, err := dialer.DialContext(ctx, network, address)
			if err == nil || !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(end) {
				return conn, err
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

func short(s string) string {
	const limit = 120
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
