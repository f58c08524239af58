package storagegate_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/host/storagegate"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/storetest"
)

func TestConformanceThroughTheGate(t *testing.T) {
	t.Parallel()
	minio := storetest.StartMinIO(t)
	var buckets atomic.Int32
	storetest.Run(t, func(t *testing.T) objectstore.Store {
		bucket := fmt.Sprintf("gate-%d", buckets.Add(1))
		return open(t, minio, startGate(t, minio.Address, bucket, io.Discard), bucket)
	})
}

func TestBucketOfAnotherRegion(t *testing.T) {
	t.Parallel()
	// The document that names the region is the one body a bucket's PUT has.
	reached := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		reached <- string(body)
	}))
	defer upstream.Close()
	socket := startGate(t, upstream.Listener.Addr().String(), bucket, io.Discard)
	k := keys{"access", "secret"}
	if got := k.sign("PUT", "/bugspark/", "<CreateBucketConfiguration/>").send(t, "unix", socket); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := <-reached; got != "<CreateBucketConfiguration/>" {
		t.Errorf("MinIO got %q", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	minio := storetest.StartMinIO(t)
	check := func(upstream string) error {
		return storagegate.New(storagegate.Options{Bucket: bucket, Upstream: upstream, Log: slog.New(slog.DiscardHandler)}).Check(t.Context())
	}
	if err := check(minio.Address); err != nil {
		t.Error(err)
	}
	for name, handler := range map[string]http.HandlerFunc{
		"busy":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"starting": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Minio-Server-Status", "offline") },
	} {
		server := httptest.NewServer(handler)
		if check(server.Listener.Addr().String()) == nil {
			t.Errorf("MinIO that is %s passed", name)
		}
		server.Close()
		if check(server.Listener.Addr().String()) == nil {
			t.Error("MinIO that is gone passed")
		}
	}
}

func TestMinIOIsDown(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	socket := startGate(t, ln.Addr().String(), bucket, io.Discard)
	got := keys{"access", "secret"}.sign("GET", "/bugspark/a", "").send(t, "unix", socket)
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "<Code>ServiceUnavailable</Code>") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestRestartOfMinIOIsWaitedFor(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	socket := serveGate(t, storagegate.Options{
		Bucket: bucket, Upstream: address, Patience: time.Minute, Log: slog.New(slog.DiscardHandler),
	})
	answered := make(chan answer, 1)
	request := keys{"access", "secret"}.sign("PUT", "/bugspark/a", "body")
	go func() { answered <- request.send(t, "unix", socket) }()
	select {
	case got := <-answered:
		t.Fatalf("answered %d without MinIO", got.status)
	case <-time.After(100 * time.Millisecond):
	}
	if ln, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	upstream := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "body" {
			t.Errorf("MinIO got %q, %v", body, err)
		}
	})}
	defer upstream.Close()
	go upstream.Serve(ln)
	if got := <-answered; got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestHalfAnObjectIsAnError(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		fmt.Fprint(w, strings.Repeat("x", 500_000))
		panic(http.ErrAbortHandler)
	}))
	defer upstream.Close()
	socket := startGate(t, upstream.Listener.Addr().String(), bucket, io.Discard)
	s := open(t, storetest.MinIO{AccessKey: "access", SecretKey: "secret"}, socket, bucket)
	body, _, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if n, err := io.Copy(io.Discard, body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read %d bytes of half an object: %v", n, err)
	}
}

func TestOnlyExaminedPartsReachMinIO(t *testing.T) {
	t.Parallel()
	reached := make(chan *http.Request, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r }))
	defer upstream.Close()
	socket := startGate(t, upstream.Listener.Addr().String(), bucket, io.Discard)
	request := keys{"access", "secret"}.sign("GET", "/bugspark/a", "").with(
		"User-Agent: x", "Accept: */*", "Accept-Encoding: gzip", "Cookie: a=b", "Referer: http://elsewhere/", "Keep-Alive: 1")
	if got := request.send(t, "unix", socket); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	r := <-reached
	if r.Host != "localhost" || r.RequestURI != "/bugspark/a" {
		t.Errorf("host %q, target %q", r.Host, r.RequestURI)
	}
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256"} {
		r.Header.Del(name)
	}
	if len(r.Header) != 0 {
		t.Errorf("MinIO was also told %v", r.Header)
	}
}
