package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The ways in which reading a client's body may fail.
var (
	errTooSlow   = errors.New("the body came too slowly")
	errTooLarge  = errors.New("the body is too large")
	errTruncated = errors.New("the body ended early")
)

// refusal returns why no service takes such a request, if so.
func refusal(r *http.Request) (string, bool) {
	switch {
	case r.Method == http.MethodConnect, r.Method == http.MethodTrace:
		return "this method is not supported", true
	case strings.IndexByte(r.URL.Path, 0) >= 0:
		return "the path contains a NUL character", true
	case r.Header.Get("Upgrade") != "" && r.ProtoMajor == 1 && strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") && !strings.EqualFold(r.Header.Get("Upgrade"), "h2c"):
		return "this server upgrades to no other protocol", true
	default:
		return "", false
	}
}

// outgoing builds the request for the service and reports whether it can be
// sent again.
func (p *Proxy) outgoing(w http.ResponseWriter, r *http.Request, id string) (*http.Request, bool, error) {
	out := &http.Request{
		Method: r.Method, URL: r.URL, Host: r.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: p.forwarded(r, id),
	}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return out, true, nil
	}
	body := &clientBody{from: r.Body, control: http.NewResponseController(w), left: p.bodyLimit, stall: p.o.Stall}
	out.ContentLength = r.ContentLength
	if r.ContentLength < 0 || r.ContentLength > replayLimit || !p.reserve(r.ContentLength) {
		out.Body = body
		return out, false, nil
	}
	// The buffer grows with what arrives: a length is announced for nothing.
	var buf bytes.Buffer
	_, err := buf.ReadFrom(io.LimitReader(body, r.ContentLength))
	whole := buf.Bytes()
	if err == nil && int64(len(whole)) < r.ContentLength {
		err = errTruncated
	}
	if err != nil {
		p.replaying.Add(-r.ContentLength)
		return nil, false, err
	}
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(whole)), nil }
	out.Body = io.NopCloser(bytes.NewReader(whole))
	return out, true, nil
}

// reserve takes memory for a body that may be sent again. Without it the body is
// passed on as it comes, and a restart of the service meanwhile is an error.
func (p *Proxy) reserve(n int64) bool {
	if p.replaying.Add(n) > replayMemory {
		p.replaying.Add(-n)
		return false
	}
	return true
}

// kept is what reserve took for a request.
func kept(out *http.Request) int64 {
	if out == nil || out.GetBody == nil {
		return 0
	}
	return out.ContentLength
}

// clientBody reads a body that must make progress and must not grow beyond
// what is left of the limit.
type clientBody struct {
	from    io.ReadCloser
	control *http.ResponseController
	left    int64
	stall   time.Duration

	window int       // bytes since the deadline was moved
	until  time.Time // when stallWindow bytes must have come
}

func (b *clientBody) Read(buf []byte) (int, error) {
	if int64(len(buf)) > b.left {
		buf = buf[:b.left+1] // one more than allowed tells a full body from a too large one
	}
	// An error here means that the connection is gone, which Read reports too.
	if b.until.IsZero() || b.window >= stallWindow {
		b.window, b.until = 0, time.Now().Add(b.stall)
	}
	_ = b.control.SetReadDeadline(b.until)
	n, err := b.from.Read(buf)
	b.window += n
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF):
		// The server goes on reading, to hear when the client leaves; that must not end
		// with the body's deadline.
		_ = b.control.SetReadDeadline(time.Time{})
		return n, err
	case err == nil:
		return n, nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return n, errTooSlow
	default:
		return n, fmt.Errorf("%w: %w", errTruncated, err)
	}
}

func (b *clientBody) Close() error { return b.from.Close() }

// dropped reports whether a request header stays here: headers of one connection
// (hop by hop), and headers that name the client's address, which the proxy writes
// itself.
func dropped(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Expect", "Content-Length",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server",
		"X-Real-Ip", "X-Request-Id":
		return true
	default:
		return false
	}
}

// forwarded copies the client's headers and adds its address. The last element of
// X-Forwarded-For is the address that this proxy, or a trusted proxy before it,
// saw; services believe only that element.
func (p *Proxy) forwarded(r *http.Request, id string) http.Header {
	h := make(http.Header, len(r.Header)+5)
	for name, values := range r.Header {
		if !dropped(name) {
			h[name] = values
		}
	}
	for _, line := range r.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	if _, has := h["User-Agent"]; !has {
		h["User-Agent"] = []string{""} // otherwise Go sends its own name
	}
	h["X-Forwarded-For"] = []string{p.client(r)}
	h["X-Forwarded-Proto"] = []string{"https"}
	h["X-Forwarded-Host"] = []string{r.Host}
	h["X-Request-Id"] = []string{id}
	return h
}

// client is the address that this proxy, or a trusted proxy before it, saw.
func (p *Proxy) client(r *http.Request) string {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	if before := p.clientOf(peer, r.Header["X-Forwarded-For"]); before != "" {
		return before
	}
	return peer
}

// clientOf returns the client's address as trusted proxies report it: the last one
// of the list that is not itself a trusted proxy.
func (p *Proxy) clientOf(peer string, lines []string) string {
	if !p.trusts(peer) {
		return ""
	}
	list := strings.Split(strings.Join(lines, ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		address := strings.TrimSpace(list[i])
		if _, err := netip.ParseAddr(address); err != nil {
			return ""
		}
		if !p.trusts(address) || i == 0 {
			return address
		}
	}
	return ""
}

func (p *Proxy) trusts(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, network := range p.trusted {
		if network.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// requestID returns the client's id if it is harmless in a log, or a new one.
func requestID(given string) string {
	if n := len(given); n >= 8 && n <= 64 && strings.Trim(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" {
		return given
	}
	return uuid.NewString()
}

// copyAnswerHeaders copies the headers of an answer that concern the client.
func copyAnswerHeaders(to, from http.Header) {
	for name, values := range from {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Server", "X-Request-Id":
		default:
			to[name] = values
		}
	}
}
