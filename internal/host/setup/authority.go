package setup

import (
	"encoding/pem"
	"errors"
	"io/fs"
	"os"

	"github.com/bugspark/bugspark/internal/durable"
)

// authorityBefore is where the internal CA of the server.name before is kept: a change
// of the name that is taken back must not cost the browsers their trust.
const authorityBefore = "internal-ca-before"

// makeAuthority writes the root first and the proxy's bundle last: the bundle's
// presence is what says that the authority is complete.
func (s *Site) makeAuthority() error {
	made, err := s.newAuthority()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(s.RootCertificate(), made.RootCertificate, 0o644); err != nil {
		return err
	}
	return durable.WriteFile(s.Dirs.CredentialFile("internal-ca"), made.Bundle, 0o600)
}

// newAuthority takes up the authority that was kept, if that is this name's, and keeps
// the one in use. One that somebody has removed is never taken up again.
func (s *Site) newAuthority() (AuthorityFiles, error) {
	live, err := os.ReadFile(s.Dirs.CredentialFile("internal-ca"))
	if errors.Is(err, fs.ErrNotExist) {
		return s.Authority(s.Config.Server.Name, s.Now())
	}
	if err != nil {
		return AuthorityFiles{}, err
	}
	made, err := s.keptAuthority()
	if err != nil {
		return AuthorityFiles{}, err
	}
	if made.Bundle == nil {
		if made, err = s.Authority(s.Config.Server.Name, s.Now()); err != nil {
			return AuthorityFiles{}, err
		}
	}
	return made, durable.WriteFile(s.Dirs.CredentialFile(authorityBefore), live, 0o600)
}

// keptAuthority is the zero value where none is kept, or another name's.
func (s *Site) keptAuthority() (AuthorityFiles, error) {
	kept, err := os.ReadFile(s.Dirs.CredentialFile(authorityBefore))
	if errors.Is(err, fs.ErrNotExist) {
		return AuthorityFiles{}, nil
	}
	if err != nil {
		return AuthorityFiles{}, err
	}
	root := lastCertificate(kept)
	if fits, err := s.AuthorityFits(kept, s.Config.Server.Name, s.Now()); err != nil || !fits || root == nil {
		return AuthorityFiles{}, nil //nolint:nilerr // one that is damaged is as good as none
	}
	return AuthorityFiles{RootCertificate: root, Bundle: kept}, nil
}

// lastCertificate is the root of a bundle.
func lastCertificate(bundle []byte) []byte {
	var root []byte
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			return root
		}
		if block.Type == "CERTIFICATE" {
			root = pem.EncodeToMemory(block)
		}
	}
}

// otherAuthority tells whether the internal CA is another server.name's, or ends.
func (s *Site) otherAuthority() (bool, error) {
	bundle, err := os.ReadFile(s.Dirs.CredentialFile("internal-ca"))
	if err != nil {
		return false, err
	}
	fits, err := s.AuthorityFits(bundle, s.Config.Server.Name, s.Now())
	return !fits, err
}
