package backup

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// signer derives the key that signs reports from the key of the backups, so that
// there is no further secret to keep.
func signer(key string) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, []byte(key), nil, "bugspark drill report", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key for reports: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Sign signs a report with a key that derives from the backup key, so that a report
// cannot be forged without it.
func (r *DrillReport) Sign(key string) error {
	private, err := signer(key)
	if err != nil {
		return err
	}
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("an Ed25519 key has no public half")
	}
	r.Signature, r.SigningKey = "", base64.StdEncoding.EncodeToString(public)
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	r.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(private, text))
	return nil
}

// Signed tells whether the holder of the key has signed exactly this report.
func (r DrillReport) Signed(key string) bool {
	private, err := signer(key)
	if err != nil {
		return false
	}
	public, ok := private.Public().(ed25519.PublicKey)
	signature, err := base64.StdEncoding.DecodeString(r.Signature)
	if err != nil || !ok || r.SigningKey != base64.StdEncoding.EncodeToString(public) {
		return false
	}
	r.Signature = ""
	text, err := json.Marshal(r)
	return err == nil && ed25519.Verify(public, text, signature)
}
