// Package proxy terminates TLS, limits the size and the slowness of requests, and
// forwards them to the services' unix sockets. No other service is reachable from
// the network.
package proxy

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/proxy/upstream"
)

// Options configure New.
type Options struct {
	Server    config.Server
	Proxy     config.Proxy
	HSTS      bool
	Stall     time.Duration // 0 is StallTimeout
	API       string        // socket paths
	Dashboard string
	Log       *slog.Logger
}

// Proxy is the handler of the HTTPS port.
type Proxy struct {
	o         Options
	api, web  *upstream.Upstream
	trusted   []netip.Prefix
	bodyLimit int64
	buffers   sync.Pool
	inflight  *inflight
	turns     *turns
	replaying atomic.Int64 // bytes of bodies that may be sent again
}

// A body of at most replayLimit bytes is read whole before it is forwarded, so it
// can be sent again when the service restarts meanwhile; together at most replayMemory.
const (
	replayLimit  = 64 << 10
	replayMemory = 64 << 20
)

// StallTimeout is how long stallWindow bytes of a body may take, in either direction:
// about a kilobyte a second, which the slowest mobile line has. The deadline moves with
// the bytes, so a large picture on such a line takes as long as it takes.
const (
	StallTimeout = 30 * time.Second
	stallWindow  = 32 << 10
)

// New makes the handler. The configuration was validated when it was loaded.
func New(o Options) (*Proxy, error) {
	p := &Proxy{o: o, api: upstream.New(o.API), web: upstream.New(o.Dashboard), bodyLimit: int64(o.Proxy.BodyLimitMiB) << 20}
	if p.o.Stall == 0 {
		p.o.Stall = StallTimeout
	}
	p.inflight = newInflight(o.Proxy.ConnectionsPerAddress)
	p.turns = newTurns(4 * runtime.GOMAXPROCS(0))
	for _, network := range o.Proxy.Trusted {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, err
		}
		p.trusted = append(p.trusted, prefix)
	}
	p.buffers.New = func() any {
		b := make([]byte, 32<<10)
		return &b
	}
	return p, nil
}

// Trusted are the networks of proxies in front of this one.
func (p *Proxy) Trusted() []netip.Prefix { return p.trusted }

// route returns the service for a path.
func (p *Proxy) route(path string) *upstream.Upstream {
	switch {
	case strings.HasPrefix(path, "/api/"), path == "/health", path == "/livez", path == "/readyz",
		widgetFile(path):
		return p.api
	default:
		return p.web
	}
}

// widgetFile reports whether a path is one that pages load the widget from, or its page
// to try it on.
func widgetFile(path string) bool {
	switch path {
	case "/widget.js", "/widget.mjs", "/widget.d.ts", "/widget.js.map", "/widget.mjs.map":
		return true
	default:
		return strings.HasPrefix(path, "/widget-") || strings.HasPrefix(path, "/widget/")
	}
}

// ServeHTTP forwards one request and copies the answer.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID(r.Header.Get("X-Request-Id"))
	h := w.Header()
	h["X-Request-Id"] = []string{id}
	if p.o.HSTS {
		h["Strict-Transport-Security"] = []string{"max-age=63072000; includeSubDomains"}
	}
	if problem, ok := refusal(r); ok {
		h["Connection"] = []string{"close"} // such a client will not send valid requests
		p.refuse(w, r, http.StatusBadRequest, problem)
		return
	}
	if r.ContentLength > p.bodyLimit {
		h["Connection"] = []string{"close"} // the rest of the body is not worth reading
		p.refuse(w, r, http.StatusRequestEntityTooLarge, "the request is larger than this server takes")
		return
	}
	defer p.finish(w, r)
	from := p.client(r)
	client := NetworkOf(from)
	if !p.inflight.enter(client, p.trusts(from)) {
		h["Retry-After"] = []string{"5"}
		p.refuse(w, r, http.StatusTooManyRequests, "too many requests of this address are under way; try again in a few seconds")
		return
	}
	defer p.inflight.leave(client)
	if p.away(r) {
		p.answerError(w, r, upstream.ErrUnavailable)
		return
	}
	out, replayable, err := p.outgoing(w, r, id)
	defer func() { p.replaying.Add(-kept(out)) }()
	if err != nil {
		p.answerError(w, r, err)
		return
	}
	endReadOf(r)
	done, ok := p.turns.hold(siteOf(client), p.o.Stall, r.Context().Done())
	if r.Context().Err() != nil {
		p.answerError(w, r, r.Context().Err())
		return
	}
	if !ok {
		h["Retry-After"] = []string{"5"}
		p.refuse(w, r, http.StatusTooManyRequests, "too many requests of this site are waiting; try again in a few seconds")
		return
	}
	exchange, err := p.route(r.URL.Path).Do(r.Context(), out, replayable, repeatable(r))
	done()
	if err != nil {
		p.answerError(w, r, err)
		return
	}
	complete := false
	defer func() { exchange.Done(complete) }()
	complete = p.answer(w, r, exchange)
}

// finish sends what an HTTP/2 stream still holds back, in time. On HTTP/1 the server
// does that itself, in a write of the connection, which has its own deadline.
func (p *Proxy) finish(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(p.o.Stall))
	_ = control.Flush() // an error means that the client left
}

// repeatable reports whether a request may be processed twice without harm:
// those that HTTP defines so, and submissions of the widget, which the API
// recognises by their fingerprint. A second copy of a picture is unreferenced and
// is deleted later.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	case http.MethodPost:
		path := strings.TrimSuffix(r.URL.Path, "/")
		return r.Header.Get("X-Api-Key") != "" && (path == "/api/v1/reports" || path == "/api/v1/upload/screenshot")
	default:
		return false
	}
}

// answer copies the service's answer and reports whether it was read to its end.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, e *upstream.Exchange) bool {
	resp := e.Response
	copyAnswerHeaders(w.Header(), resp.Header)
	if e.Partly && r.ProtoMajor == 1 {
		w.Header()["Connection"] = []string{"close"} // the rest of the body is not worth reading
	}
	w.WriteHeader(resp.StatusCode)
	if r.Method == http.MethodHead || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		return true
	}
	buf := p.buffers.Get().(*[]byte)
	defer p.buffers.Put(buf)
	stream := resp.ContentLength < 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	control := http.NewResponseController(w)
	for {
		n, err := resp.Body.Read(*buf)
		if n > 0 {
			// Of HTTP/2 the deadline is the stream's: one whose window is never opened ends,
			// which no deadline of the connection sees. Cleared, it does not count while the
			// service thinks.
			_ = control.SetWriteDeadline(time.Now().Add(p.o.Stall))
			if _, err := w.Write((*buf)[:n]); err != nil {
				return false // the client left, or reads too slowly
			}
			_ = control.SetWriteDeadline(time.Time{})
			if stream {
				if control.Flush() != nil {
					return false
				}
			}
			if !errors.Is(err, io.EOF) && e.Extend(p.o.Stall) != nil {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			// The status is sent already, so only a broken connection reports the error.
			panic(http.ErrAbortHandler)
		}
	}
}
