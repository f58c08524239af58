package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
)

// Options configure New.
type Options struct {
	TLS      config.TLS
	Name     string   // server.name
	Names    []string // further names the internal CA answers for
	StateDir string   // storage of certmagic, 0700
	Internal *internalca.Issuer
	Now      func() time.Time
	Log      *slog.Logger

	// HTTPPort and HTTPSPort are the ports of the proxy's own sockets. certmagic's
	// ACME solvers find them in use and leave the challenges to the proxy.
	HTTPPort, HTTPSPort int
}

// Manager hands out certificates and keeps them fresh.
type Manager struct {
	o         Options
	magic     *certmagic.Config
	cache     *certmagic.Cache
	acme      *certmagic.ACMEIssuer
	fallback  tls.Certificate // of the internal CA, until another one is there
	fromFiles atomic.Pointer[tls.Certificate]
}

// New returns a manager without a certificate; Start gets the first one.
func New(o Options) (*Manager, error) {
	m := &Manager{o: o}
	zaplog := zap.New(slogCore{o.Log})
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		Logger:           zaplog,
	})
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage:           &certmagic.FileStorage{Path: filepath.Join(o.StateDir, "certificates")},
		DefaultServerName: o.Name,
		Logger:            zaplog,
		OCSP:              certmagic.OCSPConfig{DisableStapling: o.TLS.Mode != "acme"},
	})
	switch o.TLS.Mode {
	case "acme":
		if err := m.useACME(zaplog); err != nil {
			return nil, err
		}
	default:
		m.magic.Issuers = []certmagic.Issuer{o.Internal}
	}
	return m, nil
}

func (m *Manager) useACME(log *zap.Logger) error {
	template := certmagic.ACMEIssuer{
		CA: m.o.TLS.ACME.Directory,
		// Without it certmagic tries another CA's test server after a failure.
		TestCA: m.o.TLS.ACME.Directory,
		Email:  m.o.TLS.ACME.Email, Agreed: true,
		AltHTTPPort: m.o.HTTPPort, AltTLSALPNPort: m.o.HTTPSPort,
		Logger: log,
	}
	if path := m.o.TLS.ACME.Root; path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return fault.Wrap(fault.Failed, err, "correct tls.acme.root", "reading the ACME server's root certificate")
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return fault.New(fault.Failed, "correct tls.acme.root", "%s holds no PEM certificate", path)
		}
		template.TrustedRoots = roots
	}
	m.acme = certmagic.NewACMEIssuer(m.magic, template)
	m.magic.Issuers = []certmagic.Issuer{m.acme}
	return nil
}

// Start makes sure that there is a certificate to serve, and keeps it fresh
// until ctx ends. It does not wait for an ACME server: until that has answered,
// clients get a certificate of the internal CA.
func (m *Manager) Start(ctx context.Context) error {
	var err error
	if m.fallback, err = m.o.Internal.Leaf([]string{m.o.Name}); err != nil {
		return err
	}
	switch m.o.TLS.Mode {
	case "internal":
		if err := m.magic.ManageSync(ctx, append([]string{m.o.Name}, m.o.Names...)); err != nil {
			return fmt.Errorf("issuing the server's certificate: %w", err)
		}
	case "acme":
		if err := m.magic.ManageAsync(ctx, []string{m.o.Name}); err != nil {
			return fmt.Errorf("asking the ACME server: %w", err)
		}
	case "files":
		w := &watcher{Manager: m}
		if err := w.reload(); err != nil {
			return err
		}
		go w.run(ctx)
	}
	return nil
}

// Close ends the background work.
func (m *Manager) Close() { m.cache.Stop() }

// TLSConfig serves TLS 1.2 and 1.3 after Mozilla's intermediate profile: of 1.2
// only the forward-secret AEAD suites. Curves are left to Go, which prefers the
// post-quantum hybrid.
func (m *Manager) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"h2", "http/1.1", "acme-tls/1"},
		GetCertificate: m.get,
	}
}

func (m *Manager) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if own := m.fromFiles.Load(); own != nil {
		return own, nil
	}
	c, err := m.magic.GetCertificate(hello)
	if err == nil {
		return c, nil
	}
	if m.o.TLS.Mode == "acme" && hello.ServerName != m.o.Name && hello.ServerName != "" {
		return nil, err // an ACME challenge, or a name of another host
	}
	return &m.fallback, nil
}

// Challenges answers ACME's HTTP challenges and passes everything else on.
func (m *Manager) Challenges(next http.Handler) http.Handler {
	if m.acme == nil {
		return next
	}
	return m.acme.HTTPChallengeHandler(next)
}
