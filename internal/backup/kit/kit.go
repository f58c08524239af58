// Package kit is the recovery kit: one page with everything that a restore needs
// beside the backup target. It prints the page, reads it back, and remembers that
// somebody has put it in a safe place.
package kit

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io/fs"
	"os"

	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// Kit holds the two secrets that open the backups, and where the backups are.
type Kit struct {
	BackupKey       string // opens the sets
	ArchiveIdentity string // opens the archived WAL
	// Writers are the public keys whose files of the archive are believed. A page that was
	// copied by hand may lack them.
	Writers []ed25519.PublicKey
	// Rescue is what this version puts on the targets to be read and run without it.
	Rescue        []rescue.Sum
	First, Second target.Endpoint
}

// Fingerprint names the secrets of the kit without telling them.
func (k Kit) Fingerprint() string { return Fingerprint(k.BackupKey, k.ArchiveIdentity) }

// digest is of everything that the page says beside the two secrets, the keys of the
// targets included, but for what comes with the program. It is
// keyed with the secrets of the kit, so that nobody without them can try out keys.
func (k Kit) digest() string {
	sum := hmac.New(sha256.New, []byte("bugspark recovery kit targets\n"+k.BackupKey+"\n"+k.ArchiveIdentity))
	sum.Write([]byte(k.writers() + k.targets()))
	return base32.StdEncoding.EncodeToString(sum.Sum(nil))[:32]
}

// PageFingerprint is what stands on the page and confirms it: the fingerprint of the
// secrets, and a fourth group for what the page says of the targets. With the same keys,
// a page from before a move has another one.
func (k Kit) PageFingerprint() string { return k.Fingerprint() + "-" + k.digest()[:4] }

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
	key, err = config.ReadCredential(lookup, d, "backup-key")
	if errors.Is(err, fs.ErrPermission) {
		return "", "", fault.Wrap(fault.Failed, err, "run it as root", "the backup key may not be read")
	}
	if err != nil || key == "" {
		return "", "", fault.Wrap(fault.Failed, err, "'bugspark apply' makes a key where there is none, or put the one of your recovery kit there", "there is no backup key")
	}
	identity, err = config.ReadCredential(lookup, d, "archive-identity")
	if errors.Is(err, fs.ErrNotExist) {
		return key, "", nil
	}
	return key, identity, err
}

// writersOf reads the public keys of this machine whose files are read; there may be none
// yet.
func writersOf(d config.Dirs) ([]ed25519.PublicKey, error) {
	data, err := os.ReadFile(writer.File(d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	keys, err := writer.Parse(data)
	return keys.Writers, err
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
	if k.Writers, err = writersOf(d); err != nil {
		return k, fault.Wrap(fault.Failed, err, "remove the file and run 'bugspark apply'", "reading %s", writer.File(d))
	}
	if k.Rescue, err = rescue.Sums(rescue.Directory); err != nil {
		return k, err
	}
	if k.First, err = target.EndpointOf(lookup, d, cfg.Backup, false); err != nil {
		return k, err
	}
	k.Second, err = target.EndpointOf(lookup, d, cfg.Backup, true)
	return k, err
}
