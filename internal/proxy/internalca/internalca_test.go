package internalca_test

import (
	"crypto/x509"
	"encoding/pem"
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

func TestTheBundleHoldsNoRootKey(t *testing.T) {
	a, err := internalca.Create("bugs.test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	rootKey, _ := pem.Decode(a.RootKeyPEM)
	for rest := a.BundlePEM; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if string(block.Bytes) == string(rootKey.Bytes) {
			t.Error("the proxy would get the root's key")
		}
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
