package job

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/fault"
)

// Archive is the archive of the target, to read. Only the archiver writes to it.
func (s *Session) Archive(ctx context.Context) (*archive.Archive, error) {
	identity, err := age.ParseX25519Identity(s.ArchiveIdentity)
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "put the one of your recovery kit into "+s.Jobs.Dirs.CredentialFile("archive-identity"), "the archive's identity cannot be used")
	}
	keys, err := s.Writers(ctx)
	if err != nil {
		return nil, err
	}
	return &archive.Archive{Target: s.store(), Identity: identity, Recipient: identity.Recipient(), Writers: keys.Writers, Retired: keys.Retired}, nil
}

// Writers are the public keys of those who write the archive: of this machine, or with a
// kit those on its page and of the newest set, which nobody can forge without the backup
// key. The page may be older than a change of the key, and one that was copied by hand may
// have none. What the set says is retired is not believed for the page's sake.
func (s *Session) Writers(ctx context.Context) (writer.Keys, error) {
	if s.Kit == nil {
		return s.Jobs.writers()
	}
	page := writer.Keys{Writers: s.Kit.Writers}
	ofSet, err := s.writersOfSet(ctx)
	if err != nil && len(page.Writers) > 0 {
		// An older set comes back as it is, which takes nothing of the archive.
		s.Jobs.Log.Warn("the newest set does not tell whose files of the archive are believed; those of the kit are", "error", err)
		return page, nil
	}
	return page.With(ofSet), err
}

// writers are those of this machine.
func (j *Jobs) writers() (writer.Keys, error) {
	name := writer.File(j.Dirs)
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return writer.Keys{}, fault.Wrap(fault.Failed, err, "run it as root", "reading whose files of the archive are believed")
	}
	keys, err := writer.Parse(data)
	if err != nil || len(keys.Writers) == 0 {
		return keys, fault.Wrap(fault.Failed, err, "remove it and run 'bugspark apply', which makes it of the credential "+writer.Credential, "%s does not tell whose files of the archive are believed", name)
	}
	return keys, nil
}

func (s *Session) writersOfSet(ctx context.Context) (writer.Keys, error) {
	sets, err := s.Repository.Sets(ctx)
	if err != nil || len(sets) == 0 {
		return writer.Keys{}, err // without sets there is nothing that the archive could continue
	}
	files, err := backup.ConfigFiles(ctx, s.Repository, sets[0].ID)
	if err != nil {
		return writer.Keys{}, err
	}
	keys, err := writer.Parse(files[backup.WritersFile])
	if err != nil || len(keys.Writers) == 0 {
		return keys, fault.Wrap(fault.Preflight, err, "take a kit with lines that begin with archive-writer:", "neither the kit nor set %s tells whose files of the archive are believed", sets[0].ID)
	}
	return keys, nil
}

// rescueDir is where the programs for the target are.
func (s *Session) rescueDir() string {
	if s.Jobs.Rescue != "" {
		return s.Jobs.Rescue
	}
	return rescue.Directory
}
