package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// place is a target and what opens it.
type place struct {
	config.BackupTarget
	secrets map[string]string // by the last part of the credential's name
	copy    bool              // the second one
}

// The credentials of a target, behind backup- or copy-.
const (
	accessKey = "access-key"
	secretKey = "secret-key"
	sshKey    = "ssh-key"
)

// section is where the settings of a place stand, and prefix what the names of
// its credentials begin with.
func (p place) section() string {
	if p.copy {
		return "backup.copy"
	}
	return "backup"
}

func (p place) prefix() string {
	if p.copy {
		return "copy-"
	}
	return "backup-"
}

// ownPlace is a target of this machine's configuration with its secrets.
func ownPlace(env Env, d config.Dirs, b config.Backup, second bool) (place, error) {
	p := place{BackupTarget: b.BackupTarget, copy: second, secrets: map[string]string{}}
	if second {
		p.BackupTarget = b.Copy.BackupTarget
	}
	l, err := p.Locate()
	if err != nil {
		return p, err
	}
	var names []string
	switch l.Kind {
	case "s3":
		names = []string{accessKey, secretKey}
	case "sftp":
		names = []string{sshKey}
	}
	for _, name := range names {
		text, err := config.ReadCredential(env.Lookup, d, p.prefix()+name)
		if err == nil && text == "" {
			err = fs.ErrNotExist
		}
		if err != nil {
			next := "write it into " + d.CredentialFile(p.prefix()+name) + " (mode 0600)"
			if name == sshKey {
				next = p.sshCommand()
			}
			return p, fault.Wrap(fault.Preflight, err, next, "the secret %s of the backup target is missing", p.prefix()+name)
		}
		p.secrets[name] = text
	}
	return p, nil
}

func (p place) sshCommand() string {
	if p.copy {
		return "bugspark backup ssh-key --copy"
	}
	return "bugspark backup ssh-key"
}

// open returns the target without talking to it.
func (p place) open() (target.Store, error) {
	l, err := p.Locate()
	if err != nil {
		return nil, err
	}
	var s target.Store
	switch l.Kind {
	case "s3":
		s, err = target.NewS3(target.S3Options{Endpoint: p.Endpoint, Region: p.Region, Bucket: l.Host, Prefix: l.Path, AccessKey: p.secrets[accessKey], SecretKey: p.secrets[secretKey]})
	case "sftp":
		s, err = target.NewSFTP(target.SFTPOptions{Host: l.Host, User: l.User, Path: l.Path, Key: []byte(p.secrets[sshKey] + "\n"), HostKey: p.HostKey})
	default:
		return target.Directory(l.Path), nil
	}
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "correct "+p.section()+" in bugspark.yaml, or the secrets "+p.prefix()+"...", "the backup target %s cannot be used", p.Target)
	}
	return s, nil
}

// explain adds to an error of a target what may be done about it.
func (p place) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, target.ErrHostKey) && p.HostKey == "":
		return fault.Wrap(fault.Preflight, err, "compare it with the server's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then set "+p.section()+".host_key", "the SFTP server's key is not known yet")
	case errors.Is(err, target.ErrHostKey):
		return fault.Wrap(fault.Preflight, err, "find out why; if the server was replaced, correct "+p.section()+".host_key", "the SFTP server cannot be trusted")
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fault.Wrap(fault.Preflight, err, "add the line that '"+p.sshCommand()+"' prints to the account's authorized_keys", "the SFTP server does not let this machine in")
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.Preflight, err, "mount or make it", "the backup target %s is not there", p.Target)
	}
	return fault.Wrap(fault.Preflight, err, "look whether it is there, and at "+p.section()+" in bugspark.yaml", "the backup target %s does not answer", p.Target)
}

// names lists what lies on a target.
func (p place) names(ctx context.Context) ([]string, error) {
	s, err := p.open()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	files, err := s.Dir(ctx, "")
	if err != nil {
		return nil, p.explain(err)
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	return out, nil
}

// own is a target as this machine sees it.
func (p place) own(d config.Dirs, s target.Store) (*target.Target, error) {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	memory := "target.json"
	if p.copy {
		memory = "target-copy.json"
	}
	return &target.Target{Store: s, Memory: filepath.Join(d.State, "backup", memory), Machine: strings.TrimSpace(string(id)), Host: host, Now: time.Now}, nil
}

// claim makes an unowned target this machine's, or with force any, and leaves
// everything that is files here to the account of the backups.
func (p place) claim(ctx context.Context, d config.Dirs, force bool) error {
	s, err := p.open()
	if err != nil {
		return err
	}
	defer s.Close()
	t, err := p.own(d, s)
	if err != nil {
		return err
	}
	account, err := credential(backupAccount)
	if err != nil {
		return err
	}
	paths := []string{t.Memory}
	// One that is there is left alone: systemd gives what root has put into a
	// service's state directory to the service as long as root owns that too.
	state := filepath.Dir(t.Memory)
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(state, 0o755); err != nil {
			return fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the backups' state")
		}
		paths = append(paths, state)
	}
	take := t.Claim
	if force {
		take = t.Take
	}
	if err := take(ctx); err != nil {
		return err
	}
	if account == nil {
		return nil
	}
	// All of a directory: what a machine before this one has left there is its
	// account's, which may be anybody's here.
	if dir, ok := s.(target.Directory); ok {
		err = filepath.WalkDir(string(dir), func(path string, _ fs.DirEntry, err error) error {
			paths = append(paths, path)
			return err
		})
	}
	for _, path := range paths {
		err = errors.Join(err, os.Lchown(path, int(account.Uid), int(account.Gid)))
	}
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "make it belong to the account "+backupAccount+" (on the file server, if root has no rights there)", "giving the backup target away")
	}
	return nil
}
