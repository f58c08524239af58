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

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// Paths in the directory config of a set, beside bugspark.yaml, ca.pem and
// credentials/.
const (
	setCertificate = "tls/certificate.pem" // of tls.mode files, whatever the name here
	setKey         = "tls/key.pem"
	setOverrides   = "postgresql.conf.d/"
)

// configFiles is what a set holds of configuration and secrets. The keys of the
// backups are not among it: a set that held its own key would look like a copy
// of it.
func (v *vault) configFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	var problems []error
	read := func(inside, path string) {
		data, err := os.ReadFile(path)
		if err == nil {
			files[inside] = data
		} else if !errors.Is(err, fs.ErrNotExist) { // what setup did not make, nobody misses
			problems = append(problems, err)
		}
	}
	read("bugspark.yaml", v.dirs.File())
	read("ca.pem", filepath.Join(v.dirs.Config, "ca.pem"))
	secrets := []string{"internal-ca-root-key"}
	for _, c := range config.Credentials() {
		if c.Name != "backup-key" && c.Name != "archive-identity" {
			secrets = append(secrets, c.Name)
		}
	}
	for _, name := range secrets {
		read("credentials/"+name, v.handed(name, v.dirs.CredentialFile(name)))
	}
	if v.cfg.TLS.Mode == "files" {
		read(setCertificate, v.handed("tls-certificate", v.cfg.TLS.Certificate))
		read(setKey, v.handed("tls-key", v.cfg.TLS.Key))
		if string(files[setKey]) == setup.NoFile || string(files[setCertificate]) == setup.NoFile {
			v.log.Warn("certificate and key are not in the set, since a file is missing", "tls.certificate", v.cfg.TLS.Certificate, "tls.key", v.cfg.TLS.Key)
			delete(files, setKey)
			delete(files, setCertificate)
		}
	}
	overrides, err := filepath.Glob(filepath.Join(v.dirs.Config, setOverrides, "*.conf"))
	if err != nil {
		return nil, err
	}
	for _, path := range overrides {
		data, err := os.ReadFile(path)
		if err != nil {
			// A set without it is better than none.
			v.log.Warn("a file of yours is not in the set, since the account of the backups may not read it", "file", path, "error", err)
			continue
		}
		files[setOverrides+filepath.Base(path)] = data
	}
	if len(problems) > 0 {
		return nil, fault.Wrap(fault.Failed, errors.Join(problems...), "run it as root", "reading the configuration")
	}
	return files, nil
}

// handed is where a secret lies: with a service the service manager puts it into
// a directory of the service's own.
func (v *vault) handed(name, otherwise string) string {
	if dir, ok := v.env.Lookup("CREDENTIALS_DIRECTORY"); ok && dir != "" {
		return filepath.Join(dir, name)
	}
	return otherwise
}

// putFiles puts configuration and secrets of the set, and the keys of the kit,
// into place.
func (x *restoration) putFiles() error {
	d := x.v.dirs
	if err := os.MkdirAll(filepath.Dir(d.CredentialFile("any")), 0o700); err != nil {
		return err
	}
	secrets := map[string][]byte{"backup-key": []byte(x.v.key), "archive-identity": []byte(x.v.identity)}
	for name, text := range x.v.place.secrets {
		secrets["backup-"+name] = []byte(text + "\n")
	}
	for inside, data := range x.files {
		name, secret := strings.CutPrefix(inside, "credentials/")
		if _, known := secrets[name]; secret && !known && filepath.Base(name) == name {
			secrets[name] = data
		}
		if name, ok := strings.CutPrefix(inside, setOverrides); ok && filepath.Base(name) == name {
			if err := putMissing(filepath.Join(d.Config, setOverrides, name), data, 0o644); err != nil {
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
	if err := setup.ConfirmKit(d, setup.KitFingerprint(x.v.key, x.v.identity)); err != nil {
		return err
	}
	// The configuration comes last: with it a machine counts as set up.
	return setup.WriteConfig(d, x.files["bugspark.yaml"])
}

// bringsCertificate tells whether the set has the files of tls.mode files that
// this machine lacks.
func (x *restoration) bringsCertificate() bool {
	_, err := os.Stat(x.v.cfg.TLS.Key)
	return x.v.cfg.TLS.Mode == "files" && errors.Is(err, fs.ErrNotExist) && x.files[setKey] != nil
}

func (x *restoration) putCertificate() error {
	t := x.v.cfg.TLS
	if !x.bringsCertificate() {
		return nil // the administrator has put newer ones there
	}
	if err := errors.Join(putMissing(t.Certificate, x.files[setCertificate], 0o644), putMissing(t.Key, x.files[setKey], 0o640)); err != nil {
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
