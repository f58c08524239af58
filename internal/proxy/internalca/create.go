// Package internalca is a certificate authority of the installation's own: a
// root for the browsers, an intermediate for the proxy, and short-lived leaves.
//
// Setup creates the root's key and gives it to no service; the proxy has only the
// intermediate's. The root has no name constraints, because the server's name is a
// setting, and a new root would have to be installed in every browser.
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

// Lifetimes. The intermediate ends with the root: a new one would need the
// root's key, which no service has.
const (
	rootLifetime = 10 * 365 * 24 * time.Hour
	leafLifetime = 30 * 24 * time.Hour
	backdate     = time.Hour // for clients whose clock is slow
)

// Authority is a new authority in PEM.
type Authority struct {
	RootCertificatePEM []byte // for clients
	RootKeyPEM         []byte // for root alone
	BundlePEM          []byte // for the proxy: intermediate key, intermediate, root
}

// Create makes an authority for the installation called name.
func Create(name string, now time.Time) (Authority, error) {
	rootKey, err := newKey()
	if err != nil {
		return Authority{}, err
	}
	root, err := authority("BugSpark root for "+name, now, 1)
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
	intermediate, err := authority("BugSpark intermediate for "+name, now, 0)
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
	rootKeyPEM, err := keyPEM(rootKey)
	if err != nil {
		return Authority{}, err
	}
	intermediateKeyPEM, err := keyPEM(key)
	if err != nil {
		return Authority{}, err
	}
	rootPEM := certificatePEM(rootDER)
	return Authority{
		RootCertificatePEM: rootPEM,
		RootKeyPEM:         rootKeyPEM,
		BundlePEM:          bytes.Join([][]byte{intermediateKeyPEM, certificatePEM(der), rootPEM}, nil),
	}, nil
}

// authority is the template of a CA certificate; below is its path length.
func authority(name string, now time.Time, below int) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{"BugSpark"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(rootLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            below,
		MaxPathLenZero:        below == 0,
	}, nil
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
