// Package issuer makes licences. It is the vendor's side, and no package that customers
// install contains it.
package issuer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bugspark/bugspark/internal/license"
)

// Key signs. ID is its kid in the published keys.
type Key struct {
	ID      string
	private ed25519.PrivateKey
}

// NewKey makes a key.
func NewKey(id string) (Key, error) {
	if id == "" {
		return Key{}, errors.New("a key needs an id")
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return Key{ID: id, private: private}, err
}

// Public is the half that is published.
func (k Key) Public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// file is what the encrypted file holds.
type file struct {
	ID  string `json:"kid"`
	PEM string `json:"private_key"` // PKCS #8
}

// Encrypt writes the key as an age file that the passphrase opens. work is the scrypt cost
// as a power of two; 0 is age's own.
func (k Key) Encrypt(passphrase string, work int) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	if work > 0 {
		to.SetWorkFactor(work)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(file{ID: k.ID, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close(), text.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Decrypt reads what Encrypt has written.
func Decrypt(data []byte, passphrase string) (Key, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Key{}, err
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(data)), identity)
	if err != nil {
		return Key{}, fmt.Errorf("opening the key: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, 1<<16))
	if err != nil {
		return Key{}, fmt.Errorf("opening the key: %w", err)
	}
	var f file
	if err := json.Unmarshal(plain, &f); err != nil {
		return Key{}, fmt.Errorf("the key is damaged: %w", err)
	}
	block, _ := pem.Decode([]byte(f.PEM))
	if block == nil {
		return Key{}, errors.New("the key is damaged: it holds no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Key{}, fmt.Errorf("the key is damaged: %w", err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok || f.ID == "" {
		return Key{}, errors.New("this is no Ed25519 key with an id")
	}
	return Key{ID: f.ID, private: private}, nil
}

// License signs a licence after it was checked as a customer's installation checks it.
func (k Key) License(c license.Claims, now time.Time) (string, error) {
	c.Issuer, c.Audience = license.Issuer, jwt.ClaimStrings{license.Audience}
	c.IssuedAt = jwt.NewNumericDate(now)
	if c.NotBefore == nil {
		c.NotBefore = c.IssuedAt
	}
	if c.ExpiresAt == nil {
		return "", errors.New("a licence needs an expiry")
	}
	if !c.ExpiresAt.After(now) {
		return "", fmt.Errorf("it would have expired on %s", c.ExpiresAt.UTC().Format(time.DateOnly))
	}
	for _, f := range c.Features {
		if !slices.Contains(license.Features(), f) {
			return "", fmt.Errorf("there is no feature %q; there are %v", f, license.Features())
		}
	}
	if err := c.Validate(); err != nil {
		return "", err
	}
	return k.sign(license.Type, &c)
}

// Revoke signs the list that follows before, with those licences added.
func (k Key) Revoke(before *license.Revocations, add []string, now time.Time) (string, error) {
	next := license.Revocations{Number: 1}
	if before != nil {
		next.Number, next.Licenses = before.Number+1, slices.Clone(before.Licenses)
	}
	for _, id := range add {
		if id == "" {
			return "", errors.New("a licence without a number cannot be revoked")
		}
		if !slices.Contains(next.Licenses, id) {
			next.Licenses = append(next.Licenses, id)
		}
	}
	next.Issuer, next.Audience, next.IssuedAt = license.Issuer, jwt.ClaimStrings{license.Audience}, jwt.NewNumericDate(now)
	return k.sign(license.RevocationType, &next)
}

func (k Key) sign(kind string, claims jwt.Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	t.Header["typ"], t.Header["kid"] = kind, k.ID
	return t.SignedString(k.private)
}
