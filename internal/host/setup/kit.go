package setup

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// The secrets of the recovery kit.
func kitSecrets() []string { return []string{"backup-key", "archive-identity"} }

// KitFingerprint names the secrets of a recovery kit without telling them:
// twelve characters in groups of four.
func KitFingerprint(secrets ...string) string {
	sum := sha256.Sum256([]byte("bugspark recovery kit\n" + strings.Join(secrets, "\n")))
	text := base32.StdEncoding.EncodeToString(sum[:])[:12]
	return text[:4] + "-" + text[4:8] + "-" + text[8:]
}

func kitFile(d config.Dirs) string { return filepath.Join(d.Config, "recovery-kit-confirmed") }

// Fingerprint is that of the kit of this installation.
func Fingerprint(d config.Dirs) (string, error) {
	var secrets []string
	for _, name := range kitSecrets() {
		data, err := os.ReadFile(d.CredentialFile(name))
		if err != nil {
			return "", fmt.Errorf("reading credential %s: %w", name, err)
		}
		secrets = append(secrets, strings.TrimSpace(string(data)))
	}
	return KitFingerprint(secrets...), nil
}

// KitConfirmed tells whether somebody has confirmed a recovery kit. It holds
// for the keys of that day: after new ones the kit is to be printed again, and
// ConfirmedFingerprint differs from Fingerprint.
func KitConfirmed(d config.Dirs) (bool, error) {
	_, err := os.Stat(kitFile(d))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ConfirmKit remembers that the kit with that fingerprint is in a safe place.
func ConfirmKit(d config.Dirs, fingerprint string) error {
	return durable.WriteFile(kitFile(d), []byte(fingerprint+"\n"), 0o644)
}
