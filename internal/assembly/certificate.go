package assembly

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/proxy/certificate"
)

// InstalledCertificate tells what InstallCertificate did.
type InstalledCertificate struct {
	Certificate string    `json:"certificate"`
	Key         string    `json:"key"`
	Names       []string  `json:"names"`
	Until       time.Time `json:"until"`
	Issuer      string    `json:"issuer,omitempty"` // that the file does not hold
	SetUp       bool      `json:"set_up"`           // there is a bugspark.yaml
	Changed     bool      `json:"changed"`          // which did not name these files
}

// String says what was done, and what is next.
func (c InstalledCertificate) String() string {
	said := fmt.Sprintf("Installed the certificate for %s, which is valid until %s.\n", strings.Join(c.Names, ", "), c.Until.Local().Format(time.DateOnly))
	if c.Issuer != "" {
		said += fmt.Sprintf("Browsers must know the authority %s already; where they do not, append its certificate to the file and install it again.\n", c.Issuer)
	}
	switch {
	case !c.SetUp:
		return said + fmt.Sprintf("Next: write this into the answers of 'bugspark setup':\ntls:\n  mode: files\n  certificate: %s\n  key: %s", c.Certificate, c.Key)
	case c.Changed:
		return said + "Next: bugspark apply"
	}
	return said + "It is served within seconds."
}

// InstallCertificate copies a certificate and its key to where the proxy reads them, and
// names them in bugspark.yaml where there is one.
func InstallCertificate(ctx context.Context, env Env, certFile, keyFile string) (out InstalledCertificate, err error) {
	if err := preflight.RequireRoot(); err != nil {
		return out, err
	}
	dirs := config.DirsFrom(env.Lookup)
	cert, err := readPEM(certFile)
	if err != nil {
		return out, err
	}
	key, err := readPEM(keyFile)
	if err != nil {
		return out, err
	}
	existing, err := setup.Existing(dirs)
	if err != nil {
		return out, err
	}
	name := "" // before setup nobody knows it; setup compares it
	if out.SetUp = existing != nil; out.SetUp {
		cfg, err := config.Parse(dirs.File(), existing, env.Lookup)
		if err != nil {
			return out, err
		}
		name = cfg.Server.Name
	}
	facts, err := certificate.Inspect(cert, key, name, time.Now())
	if err != nil {
		return out, err
	}
	out.Names, out.Until, out.Issuer = facts.Names, facts.Until, facts.Issuer
	unlock, err := setup.Lock(ctx, dirs, func(string) {})
	if err != nil {
		return out, err
	}
	defer unlock()
	group := 0
	proxy, err := account.Lookup(account.Proxy)
	if err != nil {
		return out, err
	}
	if proxy != nil {
		group = int(proxy.Gid)
	}
	if err := setup.PutCertificate(dirs, cert, key, group); err != nil {
		return out, err
	}
	out.Certificate, out.Key = setup.CertificateFiles(dirs)
	out.Changed, err = setup.NameCertificate(dirs)
	return out, err
}

// readPEM reads a file of a certificate or key, which is never large.
func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "bugspark certificate install CERTIFICATE KEY, with the paths of the two files", "reading %s", path)
	}
	if len(data) > 1<<20 {
		return nil, fault.New(fault.Usage, "bugspark certificate install CERTIFICATE KEY, with the paths of the two files", "%s is no PEM file: it has %d bytes", path, len(data))
	}
	return data, nil
}
