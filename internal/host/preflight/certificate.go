package preflight

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
)

// CertificateFiles wants files of tls.mode files that the proxy can use and may
// read. inspect looks at them as the proxy does; the proxy's package provides it.
func CertificateFiles(c config.Config, inspect func(certificate, key []byte) error) Check {
	return Check{"certificate", "the certificate can be used", Certificate, func(context.Context) error {
		if c.TLS.Mode != "files" {
			return nil
		}
		certificate, err := read("tls.certificate", c.TLS.Certificate)
		if err != nil {
			return err
		}
		key, err := read("tls.key", c.TLS.Key)
		if err != nil {
			return err
		}
		if err := inspect(certificate, key); err != nil {
			return err
		}
		if err := errors.Join(account.MayRead(account.Proxy, c.TLS.Certificate), account.MayRead(account.Proxy, c.TLS.Key)); err != nil {
			// Permissions of files and directories that are not ours are never the remedy:
			// others rely on them.
			return fault.Wrap(fault.Preflight, err, fmt.Sprintf("bugspark certificate install %s %s, which copies both to where the proxy may read them", c.TLS.Certificate, c.TLS.Key),
				"the proxy cannot read the certificate or its key")
		}
		return nil
	}}
}

func read(setting, path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "correct "+setting, "reading %s", setting)
	}
	return data, nil
}
