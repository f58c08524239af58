// Package certificate gets the proxy its certificates: from the internal CA,
// from an ACME server, or from files of the customer, kept fresh in each case.
package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// CheckFiles checks a certificate and its key for name: readable, a pair, in force, for that name, with a chain in
// order. Every error has a hint.
func CheckFiles(cert, key []byte, name string, now time.Time) error {
	if !holds(cert, "CERTIFICATE") {
		return fault.New(fault.Preflight, "give a PEM file that begins with -----BEGIN CERTIFICATE-----", "the certificate file holds no PEM certificate")
	}
	if !strings.Contains(string(key), "PRIVATE KEY-----") {
		return fault.New(fault.Preflight, "give a PEM file with an unencrypted private key", "the key file holds no PEM private key")
	}
	if strings.Contains(string(key), "ENCRYPTED") {
		return fault.New(fault.Preflight, "openssl pkey -in KEY -out KEY.plain, and protect it by permissions", "the key file is encrypted, and nobody is there to type its passphrase")
	}
	pair, err := tls.X509KeyPair(cert, key)
	if authority := authorityFirst(cert); err != nil && authority != "" {
		return fault.New(fault.Preflight, "put them in order: the server's own first, then each one's issuer",
			"the first certificate of the file is that of an authority (%s), and the server's own must come first", authority)
	}
	if err != nil && strings.Contains(err.Error(), "x509: ") {
		return fault.Wrap(fault.Preflight, err, "get the file again from where it came from", "the certificate is damaged")
	}
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "compare 'openssl x509 -noout -pubkey -in CERTIFICATE' with 'openssl pkey -pubout -in KEY'",
			"the key does not belong to the certificate")
	}
	leaf := pair.Leaf
	if now.After(leaf.NotAfter) {
		return fault.New(fault.Preflight, "get a new certificate from your CA", "the certificate ended on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	if now.Before(leaf.NotBefore) {
		return fault.New(fault.Preflight, "check the clock of this machine", "the certificate begins on %s", leaf.NotBefore.Format(time.DateOnly))
	}
	if err := leaf.VerifyHostname(name); name != "" && err != nil {
		return fault.New(fault.Preflight, "correct server.name, or get a certificate for it",
			"the certificate is not for %s but for %s", name, strings.Join(names(leaf), ", "))
	}
	return checkChain(pair)
}

// checkChain refuses a chain out of order, which some clients do not accept.
func checkChain(pair tls.Certificate) error {
	issued := pair.Leaf
	for i, der := range pair.Certificate[1:] {
		next, err := x509.ParseCertificate(der)
		if err != nil {
			return fault.Wrap(fault.Preflight, err, "", "certificate %d of the chain cannot be read", i+2)
		}
		if err := issued.CheckSignatureFrom(next); err != nil {
			return fault.Wrap(fault.Preflight, err, "put them in order: the server's own first, then each one's issuer",
				"certificate %d of the chain (%s) did not sign the one before it", i+2, next.Subject)
		}
		issued = next
	}
	return nil
}

func names(c *x509.Certificate) []string {
	out := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		out = append(out, net.IP(ip).String())
	}
	if len(out) == 0 {
		out = []string{"no name at all"}
	}
	return out
}

func holds(data []byte, kind string) bool {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return false
		}
		if block.Type == kind {
			return true
		}
	}
}

// Facts are what a person wants to read of a certificate.
type Facts struct {
	Names []string
	Until time.Time
	// Issuer is who signed the last certificate of the file, where that is not in it.
	Issuer string
}

// Inspect is CheckFiles, and tells the facts. Without a name it is not compared.
func Inspect(cert, key []byte, name string, now time.Time) (Facts, error) {
	if err := CheckFiles(cert, key, name, now); err != nil {
		return Facts{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return Facts{}, fmt.Errorf("reading the certificate: %w", err)
	}
	last, err := x509.ParseCertificate(pair.Certificate[len(pair.Certificate)-1])
	if err != nil {
		return Facts{}, fmt.Errorf("reading the chain: %w", err)
	}
	out := Facts{Names: names(pair.Leaf), Until: pair.Leaf.NotAfter}
	if !bytes.Equal(last.RawIssuer, last.RawSubject) {
		out.Issuer = last.Issuer.String()
	}
	return out, nil
}

// authorityFirst is the name of an authority whose certificate stands before the server's.
func authorityFirst(cert []byte) string {
	block, rest := pem.Decode(cert)
	if block == nil || !holds(rest, "CERTIFICATE") {
		return ""
	}
	first, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !first.IsCA {
		return ""
	}
	return first.Subject.String()
}
