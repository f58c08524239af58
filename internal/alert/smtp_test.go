package alert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/bugspark/bugspark/internal/config"
)

// mailHost is this machine by a name that mail clients do not take for it: they
// would send a password in the clear to localhost.
const mailHost = "127.0.0.2"

// mailServer is a real SMTP server that keeps what it gets.
type mailServer struct {
	port   int
	refuse string // a recipient that it refuses

	mu       sync.Mutex
	received []envelope
	logins   []string
}

type envelope struct {
	from string
	to   []string
	data string
	tls  bool
}

type mailServerOptions struct{ starttls, implicit, auth bool }

func startMailServer(t *testing.T, o mailServerOptions) (*mailServer, *tls.Config) {
	t.Helper()
	server, client := testCertificate(t)
	m := &mailServer{}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, secure := c.TLSConnectionState()
		base := &mailSession{server: m, tls: secure}
		if o.auth {
			return &authSession{base}, nil
		}
		return base, nil
	}))
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.Domain, s.AllowInsecureAuth = mailHost, true
	if o.starttls {
		s.TLSConfig = server
	}
	l, err := net.Listen("tcp", mailHost+":0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = l.Addr().(*net.TCPAddr).Port
	if o.implicit {
		l = tls.NewListener(l, server)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); l.Close(); <-done }) // Close misses a listener that Serve has not seen yet
	return m, client
}

// got returns what arrived so far.
func (m *mailServer) got() []envelope {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.received)
}

func (m *mailServer) config() config.Mail {
	return config.Mail{Host: mailHost, Port: m.port, From: "bugspark@bugs.example.org"}
}

type mailSession struct {
	server *mailServer
	now    envelope
	tls    bool
}

func (s *mailSession) Reset()        { s.now = envelope{} }
func (s *mailSession) Logout() error { return nil }
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.now = envelope{from: from, tls: s.tls}
	return nil
}
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == s.server.refuse {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user here"}
	}
	s.now.to = append(s.now.to, to)
	return nil
}
func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.now.data = string(data)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.received = append(s.server.received, s.now)
	return nil
}

type authSession struct{ *mailSession }

func (*authSession) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.logins = append(s.server.logins, username+":"+password)
		if password != "right" {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}

// testCertificate returns the configurations of a server with a certificate of
// its own for mailHost, and of a client that trusts it.
func testCertificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(mailHost)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: mailHost}
}
