package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// newConfig is the configuration of the set, for a machine without one.
func (p *Plan) newConfig() (config.Config, error) {
	data, ok := p.files[backup.ConfigFile]
	if !ok {
		return config.Config{}, fault.New(fault.Preflight, "run 'bugspark setup' first, then restore", "the set holds no configuration, and this machine has none")
	}
	data, err := pointAt(data, p.r.Session.Endpoint)
	if err != nil {
		return config.Config{}, err
	}
	p.files[backup.ConfigFile] = data
	return config.Parse("bugspark.yaml of the set", data, p.r.Lookup)
}

// pointAt makes backups go on where they were found. If that was the copy, it
// becomes the first target and the only one.
func pointAt(data []byte, e target.Endpoint) ([]byte, error) {
	for _, value := range [][2]string{{"target", e.Target}, {"endpoint", e.Endpoint}, {"region", e.Region}, {"host_key", e.HostKey}} {
		if value[1] == "" {
			continue
		}
		changed, err := setup.SetValue(data, "backup", value[0], value[1])
		if err != nil {
			return nil, err
		}
		data = changed
	}
	if !e.Copy {
		return data, nil
	}
	return setup.RemoveSection(data, "backup", "copy")
}

// install puts configuration and secrets of the set, and the keys of the kit,
// into place, takes the target over and starts the object store.
func (p *Plan) install(ctx context.Context) error {
	p.step("put configuration and secrets into place")
	if err := p.putFiles(); err != nil {
		return err
	}
	if err := p.machine.MakeFiles(ctx); err != nil {
		return err
	}
	first := p.r.Session.Endpoint
	first.Copy = false
	if err := p.r.Jobs.Claim(ctx, first, true); err != nil {
		return fmt.Errorf("taking the backup target over: %w", err)
	}
	if p.Config.Storage.Engine == "minio" {
		p.step("start the object store")
		return p.machine.Start(ctx, p.r.Units.Storage...)
	}
	return nil
}

// secrets are those of the set, and the keys that opened it, which win.
func (p *Plan) secrets() map[string][]byte {
	s := p.r.Session
	out := map[string][]byte{"backup-key": []byte(s.BackupKey), "archive-identity": []byte(s.ArchiveIdentity)}
	for name, text := range s.Endpoint.Secrets {
		out["backup-"+name] = []byte(text + "\n")
	}
	for inside, data := range p.files {
		name, secret := strings.CutPrefix(inside, backup.CredentialsDir)
		if _, known := out[name]; secret && !known && filepath.Base(name) == name {
			out[name] = data
		}
	}
	return out
}

func (p *Plan) putFiles() error {
	d := p.r.Dirs
	if err := os.MkdirAll(filepath.Dir(d.CredentialFile("any")), 0o700); err != nil {
		return err
	}
	for inside, data := range p.files {
		name, override := strings.CutPrefix(inside, backup.OverridesDir)
		if !override || filepath.Base(name) != name {
			continue
		}
		if err := putMissing(filepath.Join(d.Config, backup.OverridesDir, name), data, 0o644); err != nil {
			return err
		}
	}
	for name, data := range p.secrets() {
		if err := setup.WriteSecret(d, name, data); err != nil {
			return err
		}
	}
	if data, ok := p.files[backup.RootCertificateFile]; ok {
		if err := durable.WriteFile(p.machine.RootCertificate(), data, 0o644); err != nil {
			return err
		}
	}
	if err := p.putCertificate(); err != nil {
		return err
	}
	if err := kit.MarkConfirmed(d, kit.Fingerprint(p.r.Session.BackupKey, p.r.Session.ArchiveIdentity)); err != nil {
		return err
	}
	// The configuration comes last: with it a machine counts as set up.
	return setup.WriteConfig(d, p.files[backup.ConfigFile])
}

// bringsCertificate tells whether the set has the files of tls.mode files that
// this machine lacks.
func (p *Plan) bringsCertificate() bool {
	_, err := os.Stat(p.Config.TLS.Key)
	return p.Config.TLS.Mode == "files" && errors.Is(err, fs.ErrNotExist) && p.files[backup.CertificateKeyFile] != nil
}

func (p *Plan) putCertificate() error {
	t := p.Config.TLS
	if !p.bringsCertificate() {
		return nil // the administrator has put newer ones there
	}
	if err := errors.Join(putMissing(t.Certificate, p.files[backup.CertificateFile], 0o644), putMissing(t.Key, p.files[backup.CertificateKeyFile], 0o640)); err != nil {
		return err
	}
	proxy, err := user.LookupGroup(account.Proxy)
	if err != nil {
		return fmt.Errorf("giving the private key to the proxy: %w", err)
	}
	gid, err := strconv.Atoi(proxy.Gid)
	if err != nil {
		return fmt.Errorf("reading the group %s: %w", proxy.Name, err)
	}
	return os.Lchown(t.Key, 0, gid)
}

// putMissing writes a file that is not there; one that is stays.
func putMissing(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	_, err := durable.CreateFile(path, data, mode)
	return err
}
