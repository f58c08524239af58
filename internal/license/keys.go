package license

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Key is one public key of the vendor, and when it may have signed.
type Key struct {
	Public    ed25519.PublicKey `json:"-"`
	Encoded   string            `json:"public"` // base64url without padding
	NotBefore time.Time         `json:"not_before"`
	NotAfter  time.Time         `json:"not_after"`
}

// Keys are the vendor's public keys by their kid. Two are alive at any time, so that one can
// take over from the other by a usual release.
type Keys map[string]Key

// ParseKeys reads keys as they are published: a JSON object by kid.
func ParseKeys(data []byte) (Keys, error) {
	var keys Keys
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("public keys: %w", err)
	}
	for id, key := range keys {
		public, err := base64.RawURLEncoding.Strict().DecodeString(key.Encoded)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("public key %q: %q is no Ed25519 key in base64url", id, key.Encoded)
		}
		if !key.NotBefore.Before(key.NotAfter) {
			return nil, fmt.Errorf("public key %q: it ends before it begins", id)
		}
		key.Public = public
		keys[id] = key
	}
	return keys, nil
}

// NewKey describes a public key for publication.
func NewKey(public ed25519.PublicKey, notBefore, notAfter time.Time) Key {
	return Key{Public: public, Encoded: base64.RawURLEncoding.EncodeToString(public), NotBefore: notBefore, NotAfter: notAfter}
}
