package internalca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/bugspark/bugspark/internal/fault"
)

// Issuer signs leaves with the intermediate.
type Issuer struct {
	key          crypto.Signer
	intermediate *x509.Certificate
	now          func() time.Time
}

var _ certmagic.Issuer = (*Issuer)(nil)

// Parse reads the proxy's bundle as Create made it.
func Parse(bundle []byte, now func() time.Time) (*Issuer, error) {
	const hint = "restore the credential internal-ca from a backup; 'bugspark apply' makes a new authority if the file is removed"
	// The key is the intermediate's and the first certificate its own, which is
	// what a TLS key pair is; the root follows as the chain.
	pair, err := tls.X509KeyPair(bundle, bundle)
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, hint, "the credential internal-ca is damaged")
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || pair.Leaf == nil || !pair.Leaf.IsCA {
		return nil, fault.New(fault.Failed, hint, "the credential internal-ca holds no certificate authority")
	}
	return &Issuer{key: signer, intermediate: pair.Leaf, now: now}, nil
}

// Issue signs a leaf for the names of the request, for 30 days or until the
// authority itself ends.
func (i *Issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("checking the request: %w", err)
	}
	der, err := i.sign(csr.PublicKey, csr.DNSNames, csr.IPAddresses)
	if err != nil {
		return nil, err
	}
	return &certmagic.IssuedCertificate{Certificate: i.chain(der)}, nil
}

// IssuerKey names the authority, so that leaves of a replaced one are not used.
func (i *Issuer) IssuerKey() string {
	sum := sha256.Sum256(i.intermediate.Raw)
	return "internal-" + hex.EncodeToString(sum[:8])
}

// Leaf makes a key and a leaf for names at once, without any storage: what the
// proxy serves until an ACME server has answered.
func (i *Issuer) Leaf(names []string) (tls.Certificate, error) {
	cert, key, err := i.LeafPEM(names)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// LeafPEM is Leaf as files: the chain, and the key.
func (i *Issuer) LeafPEM(names []string) (cert, key []byte, err error) {
	private, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	var hosts []string
	var addresses []net.IP
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			addresses = append(addresses, ip)
		} else {
			hosts = append(hosts, n)
		}
	}
	der, err := i.sign(&private.PublicKey, hosts, addresses)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyPEM(private)
	return i.chain(der), key, err
}

func (i *Issuer) sign(public any, hosts []string, addresses []net.IP) ([]byte, error) {
	if err := i.mayName(hosts, addresses); err != nil {
		return nil, err
	}
	now := i.now()
	if !now.Before(i.intermediate.NotAfter) {
		return nil, errors.New("the internal certificate authority ended on " + i.intermediate.NotAfter.Format(time.DateOnly))
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	end := now.Add(leafLifetime)
	if end.After(i.intermediate.NotAfter) {
		end = i.intermediate.NotAfter
	}
	leaf := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"BugSpark"}},
		NotBefore:    now.Add(-backdate),
		NotAfter:     end,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     hosts,
		IPAddresses:  addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, i.intermediate, public, i.key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return der, nil
}

// Ends tells whether less than two leaves' lifetimes are left of the authority, so
// that a new one is due while clients still take the old one.
func (i *Issuer) Ends() bool { return i.now().Add(2 * leafLifetime).After(i.intermediate.NotAfter) }

// chain is the leaf and the intermediate; clients have the root.
func (i *Issuer) chain(leaf []byte) []byte {
	return bytes.Join([][]byte{certificatePEM(leaf), certificatePEM(i.intermediate.Raw)}, nil)
}
