// Package internalca is a certificate authority of the installation's own: a
// root for the browsers, an intermediate for the proxy, and short-lived leaves.
//
// Both certificates of the authority may sign for the names of this server only,
// and for TLS servers only, so that a browser which trusts the root trusts it with
// nothing else. The root's key signs the intermediate and is forgotten: what cannot
// be read cannot be taken. So another name, or the end of the intermediate, takes a
// new authority, and the browsers its root. Rejected: keeping the root's key for
// that; whoever has the server would have the key as well, and with it nothing that
// the intermediate cannot do.
package internalca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// Lifetimes. The intermediate ends with the root, whose key nobody has.
const (
	rootLifetime = 10 * 365 * 24 * time.Hour
	leafLifetime = 30 * 24 * time.Hour
	backdate     = time.Hour // for clients whose clock is slow
)

// Authority is a new authority in PEM.
type Authority struct {
	RootCertificatePEM []byte // for clients
	BundlePEM          []byte // for the proxy: intermediate key, intermediate, root
}

// Create makes the authority of a server of this name and of Local's names.
func Create(name string, now time.Time) (Authority, error) {
	names := append([]string{name}, Local()...)
	rootKey, err := newKey()
	if err != nil {
		return Authority{}, err
	}
	root, err := authority("BugSpark root for "+name, names, now, 1)
	if err != nil {
		return Authority{}, err
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return Authority{}, fmt.Errorf("signing the root: %w", err)
	}
	key, err := newKey()
	if err != nil {
		return Authority{}, err
	}
	intermediate, err := authority("BugSpark intermediate for "+name, names, now, 0)
	if err != nil {
		return Authority{}, err
	}
	parent, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return Authority{}, fmt.Errorf("reading the root back: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, intermediate, parent, &key.PublicKey, rootKey)
	if err != nil {
		return Authority{}, fmt.Errorf("signing the intermediate: %w", err)
	}
	intermediateKeyPEM, err := keyPEM(key)
	if err != nil {
		return Authority{}, err
	}
	rootPEM := certificatePEM(rootDER)
	return Authority{
		RootCertificatePEM: rootPEM,
		BundlePEM:          bytes.Join([][]byte{intermediateKeyPEM, certificatePEM(der), rootPEM}, nil),
	}, nil
}

func authority(name string, names []string, now time.Time, below int) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber:                serial,
		Subject:                     pkix.Name{CommonName: name, Organization: []string{"BugSpark"}},
		NotBefore:                   now.Add(-backdate),
		NotAfter:                    now.Add(rootLifetime),
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLen:                  below,
		MaxPathLenZero:              below == 0,
		PermittedDNSDomainsCritical: true,
	}
	constrain(c, names)
	return c, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	return n, nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
