// Package kit is the recovery kit: one page with everything that a restore needs
// beside the backup target. It prints the page, reads it back, and remembers that
// somebody has put it in a safe place.
package kit

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Kit holds the two secrets that open the backups, and where the backups are.
type Kit struct {
	BackupKey       string // opens the sets
	ArchiveIdentity string // opens the archived WAL
	First, Second   target.Endpoint
}

// Fingerprint names the secrets of the kit without telling them.
func (k Kit) Fingerprint() string { return Fingerprint(k.BackupKey, k.ArchiveIdentity) }

// Fingerprint names the two secrets of a kit without telling them: twelve
// characters in groups of four.
func Fingerprint(key, identity string) string {
	sum := sha256.Sum256([]byte("bugspark recovery kit\n" + key + "\n" + identity))
	text := base32.StdEncoding.EncodeToString(sum[:])[:12]
	return text[:4] + "-" + text[4:8] + "-" + text[8:]
}

// Keys reads the two secrets of this machine. The identity is empty for a service
// that may not read the archive.
func Keys(lookup config.LookupEnv, d config.Dirs) (key, identity string, err error) {
	if key, err = config.ReadCredential(lookup, d, "backup-key"); err != nil || key == "" {
		return "", "", fault.Wrap(fault.Failed, err, "run it as root; 'bugspark apply' makes a key where there is none, or put the one of your recovery kit there", "there is no backup key")
	}
	identity, err = config.ReadCredential(lookup, d, "archive-identity")
	if errors.Is(err, fs.ErrNotExist) {
		return key, "", nil
	}
	return key, identity, err
}

// Own is the kit of this machine.
func Own(lookup config.LookupEnv, d config.Dirs, cfg config.Config) (Kit, error) {
	var k Kit
	var err error
	if k.BackupKey, k.ArchiveIdentity, err = Keys(lookup, d); err != nil {
		return Kit{}, err
	}
	if k.ArchiveIdentity == "" {
		return Kit{}, fault.New(fault.Failed, "bugspark apply", "there is no archive-identity yet")
	}
	if k.First, err = target.EndpointOf(lookup, d, cfg.Backup, false); err != nil {
		return k, err
	}
	k.Second, err = target.EndpointOf(lookup, d, cfg.Backup, true)
	return k, err
}

func confirmation(d config.Dirs) string { return filepath.Join(d.Config, "recovery-kit-confirmed") }

// Confirm remembers that the kit is in a safe place, when what somebody has typed
// is its fingerprint.
func Confirm(d config.Dirs, k Kit, typed string) error {
	if strings.ToUpper(strings.TrimSpace(typed)) != k.Fingerprint() {
		return fault.New(fault.Usage, "print it again: bugspark backup kit", "%q is not the fingerprint of this machine's recovery kit; is the page in your hand an old one?", typed)
	}
	if err := MarkConfirmed(d, k.Fingerprint()); err != nil {
		return fault.Wrap(fault.Failed, err, "run it as root", "remembering that the kit is in a safe place")
	}
	return nil
}

// MarkConfirmed remembers that the kit with a fingerprint is in a safe place.
func MarkConfirmed(d config.Dirs, fingerprint string) error {
	return durable.WriteFile(confirmation(d), []byte(fingerprint+"\n"), 0o644)
}

// Confirmed tells whether somebody has confirmed a recovery kit of this machine.
// Keys that are replaced later do not take that back.
func Confirmed(d config.Dirs) (bool, error) {
	at, err := ConfirmedAt(d)
	return !at.IsZero(), err
}

// ConfirmedAt is when the kit was last confirmed; zero when it never was.
func ConfirmedAt(d config.Dirs) (time.Time, error) {
	info, err := os.Stat(confirmation(d))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
