package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
)

// internal is a new authority of ours and the pool that trusts it.
func internal(t *testing.T) (*internalca.Issuer, *x509.CertPool) {
	t.Helper()
	made, err := internalca.Create("bugs.test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := internalca.Parse([]byte(made.BundlePEM), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(made.RootCertificatePEM)) {
		t.Fatal("the root is no certificate")
	}
	return issuer, roots
}

func manager(t *testing.T, o Options) *Manager {
	t.Helper()
	if o.Name == "" {
		o.Name = "bugs.test"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	o.StateDir, o.Now = t.TempDir(), time.Now
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// serve answers handshakes with the manager's configuration.
func serve(t *testing.T, m *Manager, address string) string {
	t.Helper()
	ln, err := tls.Listen("tcp", address, m.TLSConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { c.(*tls.Conn).Handshake(); c.Close() }()
		}
	}()
	return ln.Addr().String()
}

func shake(address string, c *tls.Config) (tls.ConnectionState, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

func TestTheInternalCAServesEveryLocalName(t *testing.T) {
	t.Parallel()
	issuer, roots := internal(t)
	m := manager(t, Options{TLS: config.TLS{Mode: "internal"}, Internal: issuer, Names: []string{"localhost", "127.0.0.1"}})
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	address := serve(t, m, "127.0.0.1:0")
	for _, name := range []string{"bugs.test", "localhost", "127.0.0.1"} {
		if _, err := shake(address, &tls.Config{RootCAs: roots, ServerName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A stranger's name gets our certificate, and the browser's own warning.
	if _, err := shake(address, &tls.Config{RootCAs: roots, ServerName: "evil.test"}); err == nil {
		t.Error("a certificate for another name was made")
	}
}

func TestOnlyModernHandshakesSucceed(t *testing.T) {
	t.Parallel()
	issuer, roots := internal(t)
	m := manager(t, Options{TLS: config.TLS{Mode: "internal"}, Internal: issuer})
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	address := serve(t, m, "127.0.0.1:0")
	client := func(change func(*tls.Config)) (tls.ConnectionState, error) {
		c := &tls.Config{RootCAs: roots, ServerName: "bugs.test", NextProtos: []string{"h2", "http/1.1"}}
		change(c)
		return shake(address, c)
	}
	if _, err := client(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	for _, suite := range append(tls.InsecureCipherSuites(), tls.CipherSuites()...) {
		_, err := client(func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite.ID} })
		modern := strings.HasPrefix(suite.Name, "TLS_ECDHE_ECDSA") && (strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "POLY1305"))
		if usable := err == nil; usable != modern && suite.SupportedVersions[0] != tls.VersionTLS13 {
			t.Errorf("%s: accepted %v", suite.Name, usable)
		}
	}
	state, err := client(func(*tls.Config) {})
	if err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "h2" {
		t.Errorf("%v: version %x, protocol %s", err, state.Version, state.NegotiatedProtocol)
	}
}

// files is a pair in files, and a manager that serves it.
type files struct {
	*watcher
	dir string
	log bytes.Buffer
}

func (f *files) write(t *testing.T, cert, key []byte) {
	t.Helper()
	for name, data := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(f.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReplacedPairIsTakenUpIfItIsGood(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "root", nil)
	issuer, _ := internal(t)
	f := &files{dir: t.TempDir()}
	cert, key := ca.leaf(t, "bugs.test", -time.Minute, time.Hour)
	f.write(t, cert, key)
	m := manager(t, Options{TLS: config.TLS{Mode: "files", Certificate: filepath.Join(f.dir, "cert.pem"), Key: filepath.Join(f.dir, "key.pem")},
		Internal: issuer, Log: slog.New(slog.NewTextHandler(&f.log, nil))})
	f.watcher = &watcher{Manager: m}
	if err := f.reload(); err != nil {
		t.Fatal(err)
	}
	address := serve(t, m, "127.0.0.1:0")
	serial := func() string {
		state, err := shake(address, &tls.Config{InsecureSkipVerify: true, ServerName: "bugs.test"})
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.String()
	}
	first := serial()

	_, wrong := ca.leaf(t, "bugs.test", -time.Minute, time.Hour)
	old, oldKey := ca.leaf(t, "bugs.test", -2*time.Hour, -time.Hour)
	for name, pair := range map[string][2][]byte{"another key": {cert, wrong}, "ended": {old, oldKey}, "half written": {cert[:50], key}} {
		f.write(t, pair[0], pair[1])
		if err := f.reload(); err == nil {
			t.Errorf("%s: taken up", name)
		}
		if serial() != first {
			t.Errorf("%s: the certificate before is gone", name)
		}
	}
	if err := os.Remove(filepath.Join(f.dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	if err := f.reload(); err == nil || serial() != first {
		t.Errorf("a missing key: %v", err)
	}

	next, nextKey := ca.leaf(t, "bugs.test", -time.Minute, time.Hour)
	f.write(t, next, nextKey)
	if err := f.reload(); err != nil || serial() == first {
		t.Errorf("a renewed pair is not served: %v", err)
	}
}
