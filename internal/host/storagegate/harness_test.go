package storagegate_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/bugspark/bugspark/internal/host/storagegate"
	"github.com/bugspark/bugspark/internal/objectstore/s3"
	"github.com/bugspark/bugspark/internal/objectstore/storetest"
)

const bucket = "bugspark"

// startGate serves a gate for upstream on a unix socket and returns its path.
func startGate(t *testing.T, upstream, bucket string, log io.Writer) string {
	t.Helper()
	return serveGate(t, storagegate.Options{
		Bucket: bucket, Upstream: upstream, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}

func serveGate(t *testing.T, o storagegate.Options) string {
	t.Helper()
	gate := storagegate.New(o)
	socket := filepath.Join(t.TempDir(), "gate")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := gate.Server()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return socket
}

// rawRequest is sent exactly as it stands.
type rawRequest struct {
	method string
	target string
	header []string // lines
	body   string
}

func (r rawRequest) with(lines ...string) rawRequest {
	r.header = append(append([]string(nil), r.header...), lines...)
	return r
}

func (r rawRequest) without(name string) rawRequest {
	var kept []string
	for _, line := range r.header {
		if !strings.HasPrefix(strings.ToLower(line), strings.ToLower(name)+":") {
			kept = append(kept, line)
		}
	}
	r.header = kept
	return r
}

func (r rawRequest) at(target string) rawRequest { r.target = target; return r }

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (r rawRequest) send(t *testing.T, network, address string) answer {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.method, r.target)
	for _, line := range r.header {
		fmt.Fprintf(&b, "%s\r\n", line)
	}
	fmt.Fprintf(&b, "Connection: close\r\n\r\n%s", r.body)
	if _, err := conn.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.target, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// keys sign requests as a holder of MinIO's keys, or of the id alone.
type keys struct{ access, secret string }

// sign makes a request whose signature covers the given header lines and the
// body, in the way our own client does.
func (k keys) sign(method, target, body string, header ...string) rawRequest {
	return k.signPayload(method, target, body, digest(body), header...)
}

func digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func (k keys) signPayload(method, target, body, payload string, header ...string) rawRequest {
	r := k.request(method, target, header)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	return dump(signer.SignV4(*r, k.access, k.secret, "", "us-east-1"), body)
}

func (k keys) request(method, target string, header []string) *http.Request {
	r, err := http.NewRequest(method, "http://localhost"+target, nil)
	if err != nil {
		panic(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func dump(r *http.Request, body string) rawRequest {
	out := rawRequest{method: r.Method, target: r.URL.RequestURI(), body: body, header: []string{"Host: localhost"}}
	for name, values := range r.Header {
		for _, value := range values {
			out.header = append(out.header, name+": "+value)
		}
	}
	if body != "" || r.Method == http.MethodPut || r.Method == http.MethodPost {
		out.header = append(out.header, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	return out
}

// open is our own client of a bucket, over a unix socket or an address.
func open(t *testing.T, minio storetest.MinIO, socket, bucket string) *s3.Store {
	t.Helper()
	s, err := s3.New(s3.Options{
		Endpoint: "http://" + minio.Address, UnixSocket: socket, Bucket: bucket,
		AccessKey: minio.AccessKey, SecretKey: minio.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
