package job

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// SSHKey is the line of this machine for the authorized_keys of an SFTP target's
// account. It makes the key where there is none. It needs no configuration.
func (j *Jobs) SSHKey(second bool) (string, error) {
	name := target.Endpoint{Copy: second}.Prefix() + target.SSHKey
	path := j.Dirs.CredentialFile(name)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Wrap(fault.Failed, err, "", "reading the SSH key")
	}
	if len(data) == 0 {
		if data, err = newSSHKey(); err != nil {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
		if err := durable.WriteFile(path, data, 0o600); err != nil {
			return "", fmt.Errorf("writing credential %s: %w", name, err)
		}
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "remove "+path+" and run the command again", "the SSH key cannot be used")
	}
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	line := ssh.MarshalAuthorizedKey(signer.PublicKey())
	return fmt.Sprintf("%s bugspark@%s", line[:len(line)-1], host), nil
}

func newSSHKey() ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "bugspark")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}
