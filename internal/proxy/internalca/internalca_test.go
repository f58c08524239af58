package internalca_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
)

func TestLeavesVerifyAgainstTheRootAlone(t *testing.T) {
	now := time.Now()
	a, err := internalca.Create("bugs.test", now)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := internalca.Parse(a.BundlePEM, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := issuer.Leaf([]string{"bugs.test", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.RootCertificatePEM) {
		t.Fatal("the root is no PEM certificate")
	}
	between := x509.NewCertPool()
	middle, err := x509.ParseCertificate(leaf.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	between.AddCert(middle)
	for name, at := range map[string]time.Time{"bugs.test": now, "127.0.0.1": now.Add(29 * 24 * time.Hour)} {
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between, CurrentTime: at}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: "other.test", Roots: roots, Intermediates: between}); err == nil {
		t.Error("the leaf verifies for a name it was not made for")
	}
}

// The root's key is forgotten: the only key there is belongs to the intermediate.
func TestTheBundleHoldsNoRootKey(t *testing.T) {
	a, err := internalca.Create("bugs.test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(a.RootCertificatePEM)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for rest := a.BundlePEM; ; {
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "PRIVATE KEY" {
			continue
		}
		keys++
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if root.PublicKey.(*ecdsa.PublicKey).Equal(key.(*ecdsa.PrivateKey).Public()) {
			t.Error("the proxy would get the root's key")
		}
	}
	if keys != 1 {
		t.Errorf("%d keys", keys)
	}
}

// Whoever has the intermediate's key can sign what the program would not; clients
// refuse it, and OpenSSL as well as Go.
func TestTheAuthoritySignsForThisServersNamesOnly(t *testing.T) {
	now := time.Now()
	a, err := internalca.Create("bugs.test", now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(a.BundlePEM, a.BundlePEM)
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(a.RootCertificatePEM)
	between.AddCert(pair.Leaf)
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root := file("root.pem", a.RootCertificatePEM)
	middle := file("middle.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	for _, c := range []struct {
		name  string
		leaf  x509.Certificate
		usage x509.ExtKeyUsage
		good  bool
	}{
		{"its name", x509.Certificate{DNSNames: []string{"bugs.test"}}, x509.ExtKeyUsageServerAuth, true},
		{"this machine", x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv6loopback}}, x509.ExtKeyUsageServerAuth, true},
		{"a bank", x509.Certificate{DNSNames: []string{"bank.example"}}, x509.ExtKeyUsageServerAuth, false},
		{"its name and a bank", x509.Certificate{DNSNames: []string{"bugs.test", "bank.example"}}, x509.ExtKeyUsageServerAuth, false},
		{"every name", x509.Certificate{DNSNames: []string{"*.example"}}, x509.ExtKeyUsageServerAuth, false},
		{"an address", x509.Certificate{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}, x509.ExtKeyUsageServerAuth, false},
		{"an address of IPv6", x509.Certificate{IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}}, x509.ExtKeyUsageServerAuth, false},
		{"a person", x509.Certificate{DNSNames: []string{"bugs.test"}}, x509.ExtKeyUsageClientAuth, false},
	} {
		c.leaf.SerialNumber, c.leaf.NotBefore, c.leaf.NotAfter = big.NewInt(1), now.Add(-time.Hour), now.Add(time.Hour)
		c.leaf.ExtKeyUsage = []x509.ExtKeyUsage{c.usage}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificate(rand.Reader, &c.leaf, pair.Leaf, &key.PublicKey, pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{c.usage}})
		if (err == nil) != c.good {
			t.Errorf("%s: Go says %v", c.name, err)
		}
		purpose := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "sslserver", x509.ExtKeyUsageClientAuth: "sslclient"}[c.usage]
		out, err := exec.Command("openssl", "verify", "-purpose", purpose, "-CAfile", root, "-untrusted", middle,
			file("leaf.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))).CombinedOutput()
		if (err == nil) != c.good {
			t.Errorf("%s: OpenSSL says %s", c.name, out)
		}
	}
}

func TestAnotherNameIsNotSigned(t *testing.T) {
	a, err := internalca.Create("bugs.test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := internalca.Parse(a.BundlePEM, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Leaf([]string{"other.test"}); err == nil || !strings.Contains(err.Error(), "may sign for bugs.test, localhost only, not for other.test") || fault.Hints(err)[0] != "bugspark apply" {
		t.Errorf("got %v", err)
	}
}

func TestDamagedBundlesAreRefused(t *testing.T) {
	a, err := internalca.Create("bugs.test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, bundle := range map[string][]byte{
		"empty": nil, "half": a.BundlePEM[:len(a.BundlePEM)/3], "root only": a.RootCertificatePEM, "text": []byte("hello"),
	} {
		if _, err := internalca.Parse(bundle, time.Now); err == nil || len(fault.Hints(err)) == 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNothingIsSignedAfterTheEnd(t *testing.T) {
	now := time.Now()
	a, err := internalca.Create("bugs.test", now)
	if err != nil {
		t.Fatal(err)
	}
	clock := now.AddDate(9, 11, 25)
	issuer, err := internalca.Parse(a.BundlePEM, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	late, err := issuer.Leaf([]string{"bugs.test"})
	if err != nil {
		t.Fatal(err)
	}
	if late.Leaf.NotAfter.After(now.AddDate(10, 0, 0)) {
		t.Errorf("a leaf outlives its authority: %s", late.Leaf.NotAfter)
	}
	clock = now.AddDate(11, 0, 0)
	if _, err := issuer.Leaf([]string{"bugs.test"}); err == nil || !strings.Contains(err.Error(), "ended on") {
		t.Errorf("got %v", err)
	}
}

func TestANewAuthorityIsDueInItsLastTwoMonths(t *testing.T) {
	now := time.Now()
	a, err := internalca.Create("bugs.test", now)
	if err != nil {
		t.Fatal(err)
	}
	for days, due := range map[int]bool{400: false, 61: false, 59: true, -1: true} {
		issuer, err := internalca.Parse(a.BundlePEM, func() time.Time { return now.AddDate(0, 0, 10*365-days) })
		if err != nil {
			t.Fatal(err)
		}
		if issuer.Ends() != due {
			t.Errorf("%d days before the end a new one is due: %v", days, issuer.Ends())
		}
	}
}
