package setup

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// CheckKeys refuses to make a key of the backups anew where a target holds what only
// the lost one opens: the new one would hide that.
func (s *Site) CheckKeys(ctx context.Context) error {
	var missing []string
	for _, name := range []string{"backup-key", "archive-identity"} {
		data, err := os.ReadFile(s.Dirs.CredentialFile(name))
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && len(strings.TrimSpace(string(data))) == 0:
			missing = append(missing, name)
		case err != nil:
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	for _, p := range places(s.Config) {
		if s.toMake(p) {
			continue
		}
		names, err := s.Names(ctx, p.section)
		known, unsure := s.known(p)
		switch {
		case unsure != nil:
			return unsure
		case err != nil && !known:
			continue // CheckTarget says so
		case err != nil:
			return fault.Wrap(fault.Preflight, err, s.wayBack(missing, p), "the backups have lost their %s, and whether %s holds something of it cannot be seen", strings.Join(missing, " and "), p.Target)
		case slices.Contains(names, "sets") || slices.Contains(names, "archive"):
			return fault.New(fault.Preflight, s.wayBack(missing, p), "%s holds backups, and the key that opens them is not here: %s", p.Target, strings.Join(missing, " and "))
		}
	}
	return nil
}

// wayBack is what to do about missing keys.
func (s *Site) wayBack(missing []string, p place) string {
	applied, err := ReadApplied(s.Dirs)
	if err != nil || !applied.Finished {
		anew := "name another backup.target"
		if filepath.IsAbs(p.Target) {
			anew += ", or: mv " + p.Target + " " + p.Target + ".before"
		}
		return "bugspark restore --kit kit.txt --target " + p.Target + " --set latest brings that installation back; to begin anew, " + anew
	}
	var steps []string
	for _, name := range missing {
		steps = append(steps, "write what stands behind '"+name+":' on your recovery kit into "+s.Dirs.CredentialFile(name)+" (mode 0600)")
	}
	return strings.Join(steps, "; ") + "; then 'bugspark apply'. If the kit is lost too, nobody can read them any more: name another backup.target"
}

// writers are the public keys of the archivers of this machine, and the one of the signing
// key, which is nil while there is none.
func (s *Site) writers() (all writer.Keys, own ed25519.PublicKey, err error) {
	data, err := os.ReadFile(writer.File(s.Dirs))
	if err == nil {
		all, err = writer.Parse(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return all, nil, fault.Wrap(fault.Failed, err, "remove the line that is no key, or the file", "reading %s", writer.File(s.Dirs))
	}
	text, err := os.ReadFile(s.Dirs.CredentialFile(writer.Credential))
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil, nil
	}
	if err != nil {
		return all, nil, err
	}
	key, err := writer.ParseKey(string(text))
	if err != nil {
		return all, nil, fault.Wrap(fault.Failed, err, "remove the file, and 'bugspark apply' makes another key", "%s holds no key", s.Dirs.CredentialFile(writer.Credential))
	}
	own, _ = key.Public().(ed25519.PublicKey) // what package ed25519 returns
	return all, own, nil
}

// otherWriter tells whether the first of the public keys is not that of the signing key,
// as when that was made anew or came back with a set.
func (s *Site) otherWriter() (bool, error) {
	all, own, err := s.writers()
	return err == nil && own != nil && (len(all.Writers) == 0 || !all.Writers[0].Equal(own)), err
}

// makeWriters puts the public half of the signing key before those of the keys before it:
// what they have signed stays readable.
func (s *Site) makeWriters() error {
	all, own, err := s.writers()
	if err != nil {
		return err
	}
	return durable.WriteFile(writer.File(s.Dirs), all.Using(own).Format(), 0o644)
}

// otherRecipient tells whether the public half is of another pair than the private
// one, as when the private one came back from a kit.
func (s *Site) otherRecipient() (bool, error) {
	identity, err := os.ReadFile(s.Dirs.CredentialFile("archive-identity"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // both are made anew, or the check refuses
	}
	if err != nil {
		return false, err
	}
	recipient, err := os.ReadFile(s.Dirs.CredentialFile("archive-recipient"))
	if err != nil {
		return false, err
	}
	pair, err := age.ParseX25519Identity(strings.TrimSpace(string(identity)))
	return err != nil || pair.Recipient().String() != strings.TrimSpace(string(recipient)), nil //nolint:nilerr // makeRecipient says what is wrong
}
