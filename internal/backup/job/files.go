package job

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// configFiles is what a set holds of configuration and secrets. The keys of the
// backups are not among them: a set that held its own key would look like a copy
// of the recovery kit.
func (j *Jobs) configFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	var problems []error
	read := func(inside, path string) {
		data, err := os.ReadFile(path)
		if err == nil {
			files[inside] = data
		} else if !errors.Is(err, fs.ErrNotExist) { // what setup did not make is not missing
			problems = append(problems, err)
		}
	}
	read(backup.ConfigFile, j.Dirs.InForce())
	read(backup.RootCertificateFile, filepath.Join(j.Dirs.Config, "ca.pem"))
	read(backup.WritersFile, writer.File(j.Dirs))
	var secrets []string
	for _, c := range config.Credentials() {
		if c.Name != "backup-key" && c.Name != "archive-identity" {
			secrets = append(secrets, c.Name)
		}
	}
	for _, name := range secrets {
		read(backup.CredentialsDir+name, j.credentialPath(name, j.Dirs.CredentialFile(name)))
	}
	if t := j.Config.TLS; t.Mode == "files" {
		read(backup.CertificateFile, j.credentialPath("tls-certificate", t.Certificate))
		read(backup.CertificateKeyFile, j.credentialPath("tls-key", t.Key))
		if string(files[backup.CertificateKeyFile]) == backup.NoFile || string(files[backup.CertificateFile]) == backup.NoFile {
			j.Log.Warn("certificate and key are not in the set, since a file is missing", "tls.certificate", t.Certificate, "tls.key", t.Key)
			delete(files, backup.CertificateKeyFile)
			delete(files, backup.CertificateFile)
		}
	}
	overrides, err := filepath.Glob(filepath.Join(j.Dirs.Config, backup.OverridesDir, "*.conf"))
	if err != nil {
		return nil, err
	}
	for _, path := range overrides {
		data, err := os.ReadFile(path)
		if err != nil {
			// A set without it is better than none.
			j.Log.Warn("a file of yours is not in the set, since the account of the backups may not read it", "file", path, "error", err)
			continue
		}
		files[backup.OverridesDir+filepath.Base(path)] = data
	}
	if len(problems) > 0 {
		return nil, fault.Wrap(fault.Failed, errors.Join(problems...), "run it as root", "reading the configuration")
	}
	return files, nil
}

// credentialPath is the file of a secret: in a service the one that the service
// manager has put into the service's directory.
func (j *Jobs) credentialPath(name, otherwise string) string {
	if dir, ok := j.Lookup("CREDENTIALS_DIRECTORY"); ok && dir != "" {
		return filepath.Join(dir, name)
	}
	return otherwise
}
