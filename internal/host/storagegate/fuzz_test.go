package storagegate_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/host/storagegate"
)

// behind is a MinIO that only looks at what reaches it.
type behind struct {
	mu    sync.Mutex
	seen  int
	wrong []string
}

var plainKey = regexp.MustCompile(`^/pictures(/[A-Za-z0-9._-]+)*/?$`)

func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen++
	note := func(format string, args ...any) { b.wrong = append(b.wrong, fmt.Sprintf(format, args...)) }
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if path != r.URL.Path || !plainKey.MatchString(path) {
		note("the path %q", r.RequestURI)
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			note("the path %q", r.RequestURI)
		}
	}
	bucket := strings.Trim(path, "/") == "pictures"
	switch {
	case bucket && r.Method == http.MethodGet:
		if r.URL.Query().Get("list-type") != "2" {
			note("a list %q", r.RequestURI)
		}
		for name := range r.URL.Query() {
			if !slices.Contains([]string{"continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "max-keys", "prefix", "start-after"}, name) {
				note("the query %q", r.RequestURI)
			}
		}
	case query != "":
		note("the query %q", r.RequestURI)
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete}, r.Method), bucket && r.Method == http.MethodDelete:
		note("%s %s", r.Method, r.RequestURI)
	}
	for name, values := range r.Header {
		if !slices.Contains([]string{"Authorization", "Content-Md5", "Content-Type", "X-Amz-Content-Sha256", "X-Amz-Date", "Content-Length", "Accept-Encoding"}, name) || len(values) != 1 {
			note("%s: %q", name, values)
		}
	}
	if len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 || r.ContentLength < 0 {
		note("a body of unknown length")
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=") {
		note("unsigned: %q", r.Header)
	}
	io.Copy(io.Discard, r.Body)
}

// FuzzGate sends any request line, headers and body: only the few requests of the
// product reach MinIO, in their plain form.
func FuzzGate(f *testing.F) {
	minio := &behind{}
	upstream := httptest.NewServer(minio)
	f.Cleanup(upstream.Close)
	gate := storagegate.New(storagegate.Options{Bucket: "pictures", Upstream: strings.TrimPrefix(upstream.URL, "http://"), Patience: time.Second, Log: slog.New(slog.DiscardHandler)})
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	server := gate.Server()
	go server.Serve(ln)
	f.Cleanup(func() { server.Close() })

	const signed = "Host: x\r\nX-Amz-Date: 20260101T000000Z\r\nX-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
	f.Cleanup(func() { f.Logf("%d requests reached MinIO", minio.seen) })
	for _, seed := range [][3]string{
		{"GET /pictures/a/b.png HTTP/1.1", signed, ""},
		{"HEAD /pictures HTTP/1.1", signed, ""},
		{"PUT /pictures/a/b.png HTTP/1.1", signed + "Content-Length: 3\r\n", "abc"},
		{"PUT /pictures/a HTTP/1.1", signed + "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX-Amz-Trailer: 1\r\n\r\n"},
		{"GET /pictures?list-type=2&prefix=a%2F HTTP/1.1", signed, ""},
		{"GET /pictures?list-type=2&metadata=true HTTP/1.1", signed, ""},
		{"DELETE /pictures/a HTTP/1.1", signed, ""}, {"DELETE /pictures HTTP/1.1", signed, ""},
		{"POST /pictures/a?uploads HTTP/1.1", signed, ""}, {"GET /pictures/../minio/admin HTTP/1.1", signed, ""},
		{"GET http://x/pictures/a HTTP/1.1", signed, ""}, {"GET /pictures/%2e%2e/a HTTP/1.1", signed, ""},
		{"PUT /pictures/a HTTP/1.1", signed + "X-Amz-Copy-Source: /pictures/b\r\n", ""}, {"PUT /pictures/a HTTP/1.1", signed + "X-Minio-Extract: true\r\n", ""},
		{"GET /pictures/a HTTP/1.1", "Host: x\r\n", ""}, {"GET /pictures/a HTTP/1.1", signed + "Authorization: Bearer x\r\n", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, line, headers, body string) {
		c, err := net.Dial("tcp4", ln.Addr().String())
		if err != nil {
			t.Skip(err) // out of ports for the moment
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(c, "%s\r\n%s\r\n%s", line, headers, body)
		// Whoever closes its side has left, so that comes after the first byte of the answer,
		// or when there is none because the request is not complete.
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		first := make([]byte, 1)
		n, _ := c.Read(first)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			return
		}
		answer, _ := io.ReadAll(c)
		if answer = append(first[:n], answer...); strings.Contains(string(answer), "HTTP/1.1 500") {
			t.Errorf("answered %.300s", answer)
		}
		minio.mu.Lock()
		defer minio.mu.Unlock()
		if len(minio.wrong) > 0 {
			t.Errorf("reached MinIO: %q", minio.wrong)
			minio.wrong = nil
		}
	})
}
