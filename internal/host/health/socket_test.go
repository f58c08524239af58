package health_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/host/health"
)

func answering(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte("the answer to " + r.URL.Path))
	})
}

func behindSocket(t *testing.T, h http.Handler) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return path
}

func TestSocketWantsTheAnswerOK(t *testing.T) {
	if err := health.Socket(t.Context(), behindSocket(t, answering(200)), "/readyz"); err != nil {
		t.Error(err)
	}
	for _, status := range []int{204, 308, 404, 503} {
		err := health.Socket(t.Context(), behindSocket(t, answering(status)), "/readyz")
		if err == nil || (status != 204 && !strings.Contains(err.Error(), "the answer to /readyz")) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestSocketOfNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := health.Socket(t.Context(), path, "/"); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}

// systemd holds the socket of a service that hangs or is gone: connecting succeeds.
func TestASilentServiceIsNotWaitedForForever(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := health.Socket(ctx, path, "/"); err == nil {
		t.Error("a service that says nothing is healthy")
	}
}

func TestPortTakesAnyAnswerOverTLS(t *testing.T) {
	for _, status := range []int{200, 503} {
		s := httptest.NewTLSServer(answering(status))
		if err := health.Port(t.Context(), s.Listener.Addr().(*net.TCPAddr).Port, "bugs.test"); err != nil {
			t.Errorf("%d: %v", status, err)
		}
		s.Close()
	}
	plain := httptest.NewServer(answering(200))
	defer plain.Close()
	port := plain.Listener.Addr().(*net.TCPAddr).Port
	if err := health.Port(t.Context(), port, "bugs.test"); err == nil {
		t.Error("an answer without TLS was taken")
	}
	plain.Close()
	if err := health.Port(t.Context(), port, "bugs.test"); err == nil {
		t.Error("a closed port is healthy")
	}
}
