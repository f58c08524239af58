// Package storagegate stands between a unix socket and MinIO and lets through
// the few S3 requests the product makes, on one bucket.
//
// MinIO's community edition gets no more fixes and its authentication is known
// to be passable: by unsigned trailers, archives unpacked on upload, replication
// headers, unsigned copy sources and credentials in the query. The gate has no
// list of those. It knows what our own client sends, and whatever differs by a
// verb, a query key, a header or a character of the path is refused, so that the
// next bypass is most likely refused too. It holds no key and checks no
// signature, which is MinIO's work; but a request that is not signed the plain
// way, over every header that MinIO will see, never reaches MinIO.
//
// A request that passes is not forwarded: a new one is made from the parts that
// were examined, so that nothing the gate did not understand gets by.
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
			Proxy:               nil, // MinIO is on loopback whatever HTTP_PROXY says
			DialContext:         dial(o.Patience),
			MaxIdleConns:        64,
			MaxIdleConnsPerHost: 64,
			// MinIO closes an idle connection after 30 s; going first spares an
			// upload, which cannot be repeated here, the race against that.
			IdleConnTimeout:    20 * time.Second,
			DisableCompression: true, // it would add an Accept-Encoding that nobody asked for
			// No ResponseHeaderTimeout: a slow disk is no reason to answer that an
			// upload failed when it may yet succeed. The client's context ends it.
		},
	}
}

// Server is an HTTP server for the gate with limits that suit its one client:
// headers are few and at once there, a body may take its time.
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

// ServeHTTP refuses a request or takes it to MinIO.
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

// Check asks MinIO whether it lives. It is the gate's readiness and feeds its
// watchdog.
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
	// While it still opens its disks MinIO answers 200 and says so in a header.
	if status := resp.Header.Get("X-Minio-Server-Status"); resp.StatusCode != http.StatusOK || status != "" {
		return fmt.Errorf("MinIO is not ready: status %d %s", resp.StatusCode, status)
	}
	return nil
}

// dial connects to MinIO and tries again while it is not there. Nothing of a
// request is sent before a connection stands, so every kind may wait here.
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
