package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// Files of a set are put by root, and whoever made the set may want to become root. So
// they come only below /etc/bugspark, each to the place that its kind has there, whatever
// the set says; what is of no kind is left out.

// overrideName is a file of settings for PostgreSQL.
var overrideName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.conf$`)

// rootKey is the one secret that no service is handed, and that a set has all the same.
const rootKey = "internal-ca-root-key"

// secretName tells whether the configuration declares a secret.
func secretName(name string) bool {
	return name == rootKey || slices.ContainsFunc(config.Credentials(), func(c config.Credential) bool { return c.Name == name })
}

// wanted tells whether a file of a set has a place.
func wanted(inside string) bool {
	switch inside {
	case backup.ConfigFile, backup.RootCertificateFile, backup.WritersFile, backup.CertificateFile, backup.CertificateKeyFile:
		return true
	}
	if name, secret := strings.CutPrefix(inside, backup.CredentialsDir); secret {
		return secretName(name)
	}
	name, override := strings.CutPrefix(inside, backup.OverridesDir)
	return override && overrideName.MatchString(name)
}

// Ignored are the files of the set that have no place here.
func (p *Plan) Ignored() []string {
	var out []string
	for inside := range p.files {
		if p.NewMachine && !wanted(inside) {
			out = append(out, inside)
		}
	}
	slices.Sort(out)
	return out
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
		if _, known := out[name]; secret && !known && secretName(name) {
			out[name] = data
		}
	}
	return out
}

func (p *Plan) putFiles() error {
	d := p.r.Dirs
	_, absent := os.Stat(filepath.Join(d.State, "postgres", "data"))
	if err := setup.BeginRestore(d, setup.Restoring{What: Describe(p.Point), Empty: errors.Is(absent, fs.ErrNotExist)}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(d.CredentialFile("any")), 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(d.Config)
	if err != nil {
		return fmt.Errorf("opening %s: %w", d.Config, err)
	}
	defer root.Close()
	for inside, data := range p.files {
		if strings.HasPrefix(inside, backup.OverridesDir) && wanted(inside) {
			if err := putMissing(root, inside, data, 0o644); err != nil {
				return err
			}
		}
	}
	for name, data := range p.secrets() {
		if err := setup.WriteSecret(d, name, data); err != nil {
			return err
		}
	}
	if keys := (writer.Keys{Writers: p.archive.Writers, Retired: p.archive.Retired}); len(keys.Writers) > 0 {
		if err := durable.WriteFile(writer.File(d), keys.Format(), 0o644); err != nil {
			return err
		}
	}
	if data, ok := p.files[backup.RootCertificateFile]; ok {
		if err := durable.WriteFile(p.machine.RootCertificate(), data, 0o644); err != nil {
			return err
		}
	}
	if err := p.putCertificate(root); err != nil {
		return err
	}
	page := kit.Kit{BackupKey: p.r.Session.BackupKey, ArchiveIdentity: p.r.Session.ArchiveIdentity}
	if p.r.Session.Kit != nil {
		page = *p.r.Session.Kit
	}
	if err := kit.MarkConfirmed(d, page); err != nil {
		return err
	}
	// The configuration comes last: with it a machine counts as set up.
	if err := setup.WriteConfig(d, p.files[backup.ConfigFile]); err != nil {
		return err
	}
	return setup.PutInForce(d, p.files[backup.ConfigFile])
}

// bringsCertificate tells whether the set has the files of tls.mode files that
// this machine lacks.
func (p *Plan) bringsCertificate() bool {
	_, err := os.Stat(p.Config.TLS.Key)
	return p.Config.TLS.Mode == "files" && errors.Is(err, fs.ErrNotExist) && p.files[backup.CertificateKeyFile] != nil
}

func (p *Plan) putCertificate(root *os.Root) error {
	if !p.bringsCertificate() {
		return nil // the administrator has put newer ones there
	}
	if err := errors.Join(putMissing(root, backup.CertificateFile, p.files[backup.CertificateFile], 0o644), putMissing(root, backup.CertificateKeyFile, p.files[backup.CertificateKeyFile], 0o640)); err != nil {
		return err
	}
	proxy, err := user.LookupGroup(account.Proxy)
	var unknown user.UnknownGroupError
	if errors.As(err, &unknown) {
		return nil // it stays root's, who hands it to the service
	}
	if err != nil {
		return fmt.Errorf("giving the private key to the proxy: %w", err)
	}
	gid, err := strconv.Atoi(proxy.Gid)
	if err != nil {
		return fmt.Errorf("reading the group %s: %w", proxy.Name, err)
	}
	return root.Lchown(backup.CertificateKeyFile, 0, gid)
}

// putMissing writes a file that is not there; one that is stays. Links in the directory
// lead nowhere.
func putMissing(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("making the directory of %s: %w", name, err)
	}
	info, err := root.Lstat(name)
	switch {
	case err == nil && info.Mode().IsRegular():
		return nil
	case err == nil:
		return fault.New(fault.Preflight, "remove it", "%s in %s is not a file", name, root.Name())
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), root.Remove(name))
	}
	return durable.SyncDir(filepath.Join(root.Name(), path.Dir(name)))
}
