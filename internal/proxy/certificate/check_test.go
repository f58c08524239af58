package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, name string, parent *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if parent == nil {
		parent = a
	}
	a.pem = parent.sign(t, a.cert, key)
	block, _ := pem.Decode(a.pem)
	if a.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) sign(t *testing.T, c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// leaf makes a certificate for name and its key, in PEM.
func (a *authority) leaf(t *testing.T, name string, from, until time.Duration) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	cert = a.sign(t, &x509.Certificate{
		SerialNumber: serial, DNSNames: []string{name}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
	}, k)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestFilesAreJudgedAsBrowsersWould(t *testing.T) {
	root := newAuthority(t, "root", nil)
	middle := newAuthority(t, "middle", root)
	cert, key := middle.leaf(t, "bugs.test", -time.Minute, time.Hour)
	_, otherKey := middle.leaf(t, "bugs.test", -time.Minute, time.Hour)
	old, oldKey := middle.leaf(t, "bugs.test", -2*time.Hour, -time.Hour)
	early, earlyKey := middle.leaf(t, "bugs.test", time.Hour, 2*time.Hour)
	wild, wildKey := middle.leaf(t, "*.test", -time.Minute, time.Hour)
	alien, alienKey := middle.leaf(t, "other.test", -time.Minute, time.Hour)
	for _, tc := range []struct {
		name      string
		cert, key []byte
		says      string // nothing: it is good
	}{
		{"a leaf", cert, key, ""},
		{"a chain in order", bytes.Join([][]byte{cert, middle.pem, root.pem}, nil), key, ""},
		{"a wildcard", wild, wildKey, ""},
		{"key and certificate in one file", append(bytes.Clone(cert), key...), append(bytes.Clone(cert), key...), ""},
		{"a chain out of order", bytes.Join([][]byte{cert, root.pem, middle.pem}, nil), key, "certificate 2 of the chain"},
		{"a stranger in the chain", bytes.Join([][]byte{cert, newAuthority(t, "stranger", nil).pem}, nil), key, "did not sign"},
		{"the authority first", append(bytes.Clone(middle.pem), cert...), key, "the server's own must come first"},
		{"another key", cert, otherKey, "does not belong"},
		{"ended", old, oldKey, "ended on"},
		{"not begun", early, earlyKey, "begins on"},
		{"another name", alien, alienKey, "other.test"},
		{"nothing", nil, nil, "no PEM certificate"},
		{"no key", cert, cert, "no PEM private key"},
		{"DER", []byte{0x30, 0x82, 1, 2}, key, "no PEM certificate"},
		{"an encrypted key", cert, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), "encrypted"},
		{"a damaged certificate", bytes.Replace(cert, cert[100:104], []byte("AAAA"), 1), key, "certificate"},
	} {
		err := CheckFiles(tc.cert, tc.key, "bugs.test", time.Now())
		switch {
		case tc.says == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: %v, want %q", tc.name, err, tc.says)
		case err != nil && fault.Status(err) != int(fault.Preflight):
			t.Errorf("%s: status %d", tc.name, fault.Status(err))
		}
	}
}

func TestTheIssuerThatTheFileLacksIsTold(t *testing.T) {
	root := newAuthority(t, "root", nil)
	middle := newAuthority(t, "middle", root)
	cert, key := middle.leaf(t, "bugs.test", -time.Minute, time.Hour)
	for _, c := range []struct {
		chain  [][]byte
		issuer string
	}{{[][]byte{cert}, "CN=middle"}, {[][]byte{cert, middle.pem}, "CN=root"}, {[][]byte{cert, middle.pem, root.pem}, ""}} {
		got, err := Inspect(bytes.Join(c.chain, nil), key, "bugs.test", time.Now())
		if err != nil || got.Issuer != c.issuer {
			t.Errorf("with %d certificates: %q, %v, want %q", len(c.chain), got.Issuer, err, c.issuer)
		}
	}
}
