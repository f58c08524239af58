package cli

import (
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
	"github.com/bugspark/bugspark/internal/host/setup"
)

// putFiles puts configuration and secrets of the set, and the keys of the kit,
// into place.
func (x *restoration) putFiles() error {
	d := x.v.dirs
	if err := os.MkdirAll(filepath.Dir(d.CredentialFile("any")), 0o700); err != nil {
		return err
	}
	secrets := map[string][]byte{"backup-key": []byte(x.v.key), "archive-identity": []byte(x.v.identity)}
	for name, text := range x.v.place.Secrets {
		secrets["backup-"+name] = []byte(text + "\n")
	}
	for inside, data := range x.files {
		name, secret := strings.CutPrefix(inside, "credentials/")
		if _, known := secrets[name]; secret && !known && filepath.Base(name) == name {
			secrets[name] = data
		}
		if name, ok := strings.CutPrefix(inside, backup.OverridesDir); ok && filepath.Base(name) == name {
			if err := putMissing(filepath.Join(d.Config, backup.OverridesDir, name), data, 0o644); err != nil {
				return err
			}
		}
	}
	for name, data := range secrets {
		if err := setup.WriteSecret(d, name, data); err != nil {
			return err
		}
	}
	if data, ok := x.files["ca.pem"]; ok {
		if err := os.WriteFile(x.site.RootCertificate(), data, 0o644); err != nil {
			return err
		}
	}
	if err := x.putCertificate(); err != nil {
		return err
	}
	if err := kit.MarkConfirmed(d, kit.Fingerprint(x.v.key, x.v.identity)); err != nil {
		return err
	}
	// The configuration comes last: with it a machine counts as set up.
	return setup.WriteConfig(d, x.files["bugspark.yaml"])
}

// bringsCertificate tells whether the set has the files of tls.mode files that
// this machine lacks.
func (x *restoration) bringsCertificate() bool {
	_, err := os.Stat(x.v.cfg.TLS.Key)
	return x.v.cfg.TLS.Mode == "files" && errors.Is(err, fs.ErrNotExist) && x.files[backup.CertificateKeyFile] != nil
}

func (x *restoration) putCertificate() error {
	t := x.v.cfg.TLS
	if !x.bringsCertificate() {
		return nil // the administrator has put newer ones there
	}
	if err := errors.Join(putMissing(t.Certificate, x.files[backup.CertificateFile], 0o644), putMissing(t.Key, x.files[backup.CertificateKeyFile], 0o640)); err != nil {
		return err
	}
	proxy, err := user.LookupGroup("bugspark-proxy")
	if err != nil {
		return fmt.Errorf("giving the private key to the proxy: %w", err)
	}
	gid, err := strconv.Atoi(proxy.Gid)
	if err != nil {
		return fmt.Errorf("reading the group %s: %w", proxy.Name, err)
	}
	return os.Chown(t.Key, 0, gid)
}

// putMissing writes a file that is not there; one that is stays.
func putMissing(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// Whatever the umask of the administrator is, services read it.
	return errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
}
