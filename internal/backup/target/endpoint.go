package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// Endpoint is a backup target with the settings and the secrets that open it.
type Endpoint struct {
	config.BackupTarget
	Secrets map[string]string // by the last part of the credential's name
	Copy    bool              // the second target, backup.copy
}

// The credentials of a target, behind backup- or copy-.
const (
	AccessKey = "access-key"
	SecretKey = "secret-key"
	SSHKey    = "ssh-key"
)

// Section is the section of bugspark.yaml with the settings of the endpoint.
func (e Endpoint) Section() string {
	if e.Copy {
		return "backup.copy"
	}
	return "backup"
}

// Prefix is what the names of the endpoint's credentials begin with.
func (e Endpoint) Prefix() string {
	if e.Copy {
		return "copy-"
	}
	return "backup-"
}

// EndpointOf is the first or the second target of a configuration, with its
// secrets. A target that is not set has none.
func EndpointOf(lookup config.LookupEnv, d config.Dirs, b config.Backup, second bool) (Endpoint, error) {
	e := Endpoint{BackupTarget: b.BackupTarget, Copy: second, Secrets: map[string]string{}}
	if second {
		e.BackupTarget = b.Copy.BackupTarget
	}
	l, err := e.Locate()
	if err != nil {
		return e, err
	}
	var names []string
	switch l.Kind {
	case "s3":
		names = []string{AccessKey, SecretKey}
	case "sftp":
		names = []string{SSHKey}
	}
	for _, name := range names {
		text, err := config.ReadCredential(lookup, d, e.Prefix()+name)
		if err == nil && text == "" {
			err = fs.ErrNotExist
		}
		if errors.Is(err, fs.ErrPermission) {
			return e, fault.Wrap(fault.Preflight, err, "run it as root", "the secret %s of the backup target may not be read", e.Prefix()+name)
		}
		if err != nil {
			next := "write it into " + d.CredentialFile(e.Prefix()+name) + " (mode 0600)"
			if name == SSHKey {
				next = e.sshCommand()
			}
			return e, fault.Wrap(fault.Preflight, err, next, "the secret %s of the backup target is missing", e.Prefix()+name)
		}
		e.Secrets[name] = text
	}
	return e, nil
}

func (e Endpoint) sshCommand() string {
	if e.Copy {
		return "bugspark backup ssh-key --copy"
	}
	return "bugspark backup ssh-key"
}

// Open returns the store of the endpoint. It does not talk to it yet.
func (e Endpoint) Open() (Store, error) {
	l, err := e.Locate()
	if err != nil {
		return nil, err
	}
	var s Store
	switch l.Kind {
	case "s3":
		s, err = NewS3(S3Options{Endpoint: e.Endpoint, Region: e.Region, Bucket: l.Host, Prefix: l.Path, LockDays: e.LockDays, AccessKey: e.Secrets[AccessKey], SecretKey: e.Secrets[SecretKey]})
	case "sftp":
		s, err = NewSFTP(SFTPOptions{Host: l.Host, User: l.User, Path: l.Path, Key: []byte(e.Secrets[SSHKey] + "\n"), HostKey: e.HostKey})
	default:
		return Directory(l.Path), nil
	}
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "correct "+e.Section()+" in bugspark.yaml, or the secrets "+e.Prefix()+"...", "the backup target %s cannot be used", e.Target)
	}
	return s, nil
}

// Explain adds to an error of the endpoint's store what may be done about it.
func (e Endpoint) Explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrHostKey) && e.HostKey == "":
		return fault.Wrap(fault.Preflight, err, "compare it with the server's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then set "+e.Section()+".host_key", "the SFTP server's key is not known yet")
	case errors.Is(err, ErrHostKey):
		return fault.Wrap(fault.Preflight, err, "find out why; if the server was replaced, correct "+e.Section()+".host_key", "the SFTP server cannot be trusted")
	case errors.Is(err, ErrAuthentication):
		return fault.Wrap(fault.Preflight, err, "add the line that '"+e.sshCommand()+"' prints to the account's authorized_keys", "the SFTP server does not let this machine in")
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.Preflight, err, "mount it, or if it never held backups make it: mkdir -p "+e.Target, "the backup target %s is not there", e.Target)
	case errors.Is(err, fs.ErrPermission) && filepath.IsAbs(e.Target): // a directory
		return fault.Wrap(fault.Preflight, err, "run it as root; 'bugspark apply' gives a directory to the account of the backups", "the backup target %s may not be read", e.Target)
	}
	return fault.Wrap(fault.Preflight, err, "look whether it is there, and at "+e.Section()+" in bugspark.yaml", "the backup target %s does not answer", e.Target)
}

// Names lists the top directory of the endpoint.
func (e Endpoint) Names(ctx context.Context) ([]string, error) {
	s, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	files, err := s.Dir(ctx, "")
	if err != nil {
		return nil, e.Explain(err)
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	return out, nil
}

// Own is the endpoint's store as this machine sees it.
func (e Endpoint) Own(d config.Dirs, s Store) (*Target, error) {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	name := "target.json"
	if e.Copy {
		name = "target-copy.json"
	}
	return &Target{Store: s, MarkFile: filepath.Join(d.State, "backup", name), Machine: strings.TrimSpace(string(id)), Host: host, Now: time.Now, Copy: e.Copy}, nil
}
