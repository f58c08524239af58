package lifecycle_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/lifecycle"
)

// holder keeps a listening socket as systemd does: each run of the service gets
// a copy, and connections queue while no run holds one.
func holder(t *testing.T) *os.File {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	t.Cleanup(func() { f.Close() })
	return f
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestRestartsFailNoRequest sends POSTs, which no client repeats by itself, on
// kept connections while the service restarts again and again.
func TestRestartsFailNoRequest(t *testing.T) {
	for _, tc := range []struct {
		name       string
		tls, http2 bool
	}{{"plain", false, false}, {"TLS", true, false}, {"HTTP/2", true, true}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			socket := holder(t)
			cert := certificate(t)
			run := func(ctx context.Context) error {
				ln, err := net.FileListener(socket)
				if err != nil {
					return err
				}
				s := lifecycle.Service{
					TLS: tc.tls, Listeners: []net.Listener{ln}, Log: slog.New(slog.DiscardHandler),
					Server: &http.Server{
						TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
						ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
						Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							io.Copy(w, r.Body)
						}),
					},
				}
				return s.Run(ctx)
			}
			ln, err := net.FileListener(socket)
			if err != nil {
				t.Fatal(err)
			}
			url := "http://" + ln.Addr().String()
			ln.Close()
			if tc.tls {
				url = "https" + url[4:]
			}
			client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
				MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: tc.http2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			}}
			var stop atomic.Bool
			var sent atomic.Int64
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					for !stop.Load() {
						resp, err := client.Post(url, "text/plain", bytes.NewReader([]byte("a report")))
						if err != nil {
							t.Errorf("a request failed: %v", err)
							return
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						sent.Add(1)
					}
				})
			}
			for range 8 {
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- run(ctx) }()
				for from := sent.Load(); sent.Load() < from+200 && !t.Failed(); {
					time.Sleep(time.Millisecond)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- run(ctx) }()
			stop.Store(true)
			wg.Wait()
			cancel()
			<-done
		})
	}
}
