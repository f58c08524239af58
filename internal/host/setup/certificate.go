package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// The files below /etc/bugspark/tls that PutCertificate makes.
const (
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
)

// CertificateDir is the directory of ours for a certificate of the customer's.
func CertificateDir(d config.Dirs) string { return filepath.Join(d.Config, "tls") }

// CertificateFiles are the paths in it.
func CertificateFiles(d config.Dirs) (certificate, key string) {
	return filepath.Join(CertificateDir(d), certificateFile), filepath.Join(CertificateDir(d), keyFile)
}

// PutCertificate copies certificate and key where the proxy reads them: only root writes
// there, and of all accounts only the group of the proxy reads the key. The two are
// exchanged in one step, so that whoever reads them meanwhile finds files that fit.
func PutCertificate(d config.Dirs, certificate, key []byte, group int) error {
	dir := CertificateDir(d)
	if err := onlyCertificate(dir); err != nil {
		return err
	}
	made := dir + ".new"
	if err := os.RemoveAll(made); err != nil { // of one that was interrupted
		return fmt.Errorf("removing what was left: %w", err)
	}
	if err := os.MkdirAll(made, 0o755); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	secret := filepath.Join(made, keyFile)
	if err := errors.Join(
		durable.WriteFile(filepath.Join(made, certificateFile), certificate, 0o644),
		durable.WriteFile(secret, key, 0o600), os.Lchown(secret, 0, group), os.Chmod(secret, 0o640),
	); err != nil {
		return fmt.Errorf("copying certificate and key: %w", err)
	}
	flags := uint(unix.RENAME_EXCHANGE)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		flags = unix.RENAME_NOREPLACE
	}
	if err := unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, dir, flags); err != nil {
		return fmt.Errorf("exchanging %s and %s: %w", made, dir, err)
	}
	return errors.Join(os.RemoveAll(made), durable.SyncDir(d.Config))
}

// onlyCertificate refuses a directory with files of somebody else's, which an exchange
// would delete.
func onlyCertificate(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking into the directory of the certificate: %w", err)
	}
	for _, e := range entries {
		if e.Name() != certificateFile && e.Name() != keyFile {
			return fault.New(fault.Preflight, fmt.Sprintf("mv %s /root/, then the same command again", filepath.Join(dir, e.Name())), "%s holds something else as well: %s", dir, e.Name())
		}
	}
	return nil
}

// NameCertificate writes into bugspark.yaml that the copied files are used, and tells
// whether it had to.
func NameCertificate(d config.Dirs) (changed bool, err error) {
	data, err := Existing(d)
	if err != nil || data == nil {
		return false, err
	}
	certificate, key := CertificateFiles(d)
	cfg, err := config.Parse(d.File(), data, noOverrides)
	if err != nil {
		return false, err
	}
	if cfg.TLS.Mode == "files" && cfg.TLS.Certificate == certificate && cfg.TLS.Key == key {
		return false, nil
	}
	for _, value := range [][2]string{{"mode", "files"}, {"certificate", certificate}, {"key", key}} {
		if data, err = SetValue(data, "tls", value[0], value[1]); err != nil {
			return false, err
		}
	}
	return true, WriteConfig(d, data)
}
