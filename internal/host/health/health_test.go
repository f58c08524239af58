package health_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/health"
)

// serve answers like a proxy with a certificate for example.com, and returns the
// file of the certificate that signs it.
func serve(t *testing.T, h http.HandlerFunc) (health.Endpoint, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return health.Endpoint{Server: config.Server{Name: "example.com", HTTPSPort: port}}, root
}

func TestAskVerifiesTheCertificateOfTheInternalCA(t *testing.T) {
	e, root := serve(t, func(http.ResponseWriter, *http.Request) {})
	e.RootCertificate = root
	if _, err := e.Ask(t.Context()); err != nil {
		t.Errorf("with its own root: %v", err)
	}
	e.Server.Name = "other.example.org"
	if _, err := e.Ask(t.Context()); err == nil {
		t.Error("a certificate for another name was accepted")
	}
	e.RootCertificate = ""
	if _, err := e.Ask(t.Context()); err != nil {
		t.Errorf("another authority's, which is not verified: %v", err)
	}
	e.RootCertificate = root + "-gone"
	if _, err := e.Ask(t.Context()); err == nil || !strings.Contains(err.Error(), "reading the CA certificate") {
		t.Errorf("without the file of the root: %v", err)
	}
}

func TestAskTellsWhatWasAnswered(t *testing.T) {
	e, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the database is away", http.StatusServiceUnavailable)
	})
	if _, err := e.Ask(t.Context()); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "the database is away") {
		t.Errorf("%v", err)
	}
}

func TestWaitAsksAgainUntilTheStackAnswers(t *testing.T) {
	var asked atomic.Int32
	e, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if err := e.Wait(t.Context()); err != nil || asked.Load() != 3 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	e, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := e.Wait(ctx); err == nil || !strings.Contains(err.Error(), "/health does not answer") {
		t.Errorf("%v", err)
	}
}
