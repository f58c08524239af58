package setup

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// file is one file that must exist; make writes it (and may write companions).
type file struct {
	path   string
	detail string
	make   func() error
	// stale tells of a file that is there and of no use; nil: it never is.
	stale func() (bool, error)
}

// missing reports whether the file is absent. One that cannot be looked at is
// an error, so that a permission problem never leads to a new secret.
func (f file) missing() (bool, error) {
	_, err := os.Stat(f.path)
	switch {
	case err == nil && f.stale != nil:
		return f.stale()
	case err == nil:
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	default:
		return false, fmt.Errorf("looking for %s: %w", f.path, err)
	}
}

// files lists what ApplyFiles makes, in order.
func (s *Site) files() []file {
	var out []file
	for _, c := range config.Credentials() {
		path := s.Dirs.CredentialFile(c.Name)
		f := file{path: path, detail: c.Doc}
		switch {
		case c.Name == "internal-ca":
			f.make, f.stale = s.makeAuthority, s.otherAuthority
			f.detail += "; clients have to trust " + s.RootCertificate() + " from then on"
		case c.Name == "archive-identity":
			f.make = s.makeArchiveKeys
		case c.Name == "archive-recipient":
			f.make, f.stale = s.makeRecipient, s.otherRecipient
		case c.Generated:
			f.make = func() error { return s.makeSecret(c.Name) }
		default:
			f.make = func() error { return durable.WriteFile(path, nil, 0o600) }
		}
		out = append(out, f)
	}
	return append(out, file{path: writer.File(s.Dirs), detail: "the public half of archive-signing-key, and those before it", make: s.makeWriters, stale: s.otherWriter})
}

func (s *Site) makeDirs() error {
	for path, mode := range map[string]fs.FileMode{
		s.Dirs.Config: 0o755,
		filepath.Dir(s.Dirs.CredentialFile("any-name")): 0o700,
		s.Dirs.State: 0o755,
		s.Dirs.Run:   0o755,
	} {
		if err := os.MkdirAll(path, mode); err != nil {
			return fmt.Errorf("making directory: %w", err)
		}
	}
	// MkdirAll leaves an existing directory as it is; secrets must not rely on
	// how somebody made theirs.
	return os.Chmod(filepath.Dir(s.Dirs.CredentialFile("any-name")), 0o700)
}

// makeSecret writes 32 random bytes. The storage key id is shorter and of the
// alphabet S3 services accept; a site with its own S3 starts with empty ones,
// because a made-up key would only hide that the real one is missing.
func (s *Site) makeSecret(name string) error {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	text := hex.EncodeToString(raw)
	if strings.HasPrefix(name, "storage-") && s.Config.Storage.Engine == "s3" {
		text = ""
	} else if name == "storage-access-key" {
		text = base32.StdEncoding.EncodeToString(raw)[:20]
	}
	return durable.WriteFile(s.Dirs.CredentialFile(name), []byte(text), 0o600)
}

// makeArchiveKeys makes a pair for age, the public half first.
func (s *Site) makeArchiveKeys() error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(s.Dirs.CredentialFile("archive-recipient"), []byte(identity.Recipient().String()), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(s.Dirs.CredentialFile("archive-identity"), []byte(identity.String()), 0o600)
}

// makeRecipient derives the public half of a pair that came back from a kit.
func (s *Site) makeRecipient() error {
	data, err := os.ReadFile(s.Dirs.CredentialFile("archive-identity"))
	if err != nil {
		return err
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(data)))
	if err != nil {
		return fault.Wrap(fault.Failed, err, "put the one of your recovery kit there", "%s holds no age identity", s.Dirs.CredentialFile("archive-identity"))
	}
	return durable.WriteFile(s.Dirs.CredentialFile("archive-recipient"), []byte(identity.Recipient().String()), 0o600)
}
