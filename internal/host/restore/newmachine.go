package restore

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// newConfig is the configuration of the set, for a machine without one.
func (p *Plan) newConfig(settings []string) (config.Config, error) {
	data, ok := p.files[backup.ConfigFile]
	if !ok {
		return config.Config{}, fault.New(fault.Preflight, "run 'bugspark setup' first, then restore", "the set holds no configuration, and this machine has none")
	}
	data, err := pointAt(data, p.r.Session.Endpoint)
	if err != nil {
		return config.Config{}, err
	}
	if data, err = setup.SetKeys(data, settings); err != nil {
		return config.Config{}, err
	}
	c, err := config.Parse(configOfSet, data, p.r.Lookup)
	if err != nil { // a set cannot be edited
		return c, fault.New(fault.Usage, "add --set-config KEY=VALUE with another value to the command", "%v", err)
	}
	if c.TLS.Mode == "files" && p.files[backup.CertificateKeyFile] != nil {
		if data, err = p.ownCertificate(data, c.TLS); err != nil {
			return c, err
		}
		if c, err = config.Parse(configOfSet, data, p.r.Lookup); err != nil {
			return c, err
		}
	}
	p.files[backup.ConfigFile] = data
	return c, nil
}

// configOfSet is the name of its configuration in errors.
const configOfSet = "bugspark.yaml of the set"

// ownCertificate makes the configuration name the certificate in the directory of ours
// where it is put: a set does not choose where root writes.
func (p *Plan) ownCertificate(data []byte, was config.TLS) ([]byte, error) {
	for _, f := range []struct{ key, was, inside string }{{"certificate", was.Certificate, backup.CertificateFile}, {"key", was.Key, backup.CertificateKeyFile}} {
		own := filepath.Join(p.r.Dirs.Config, f.inside)
		if f.was == own {
			continue
		}
		p.moved = append(p.moved, fmt.Sprintf("tls.%s comes to %s, and was %s", f.key, own, f.was))
		var err error
		if data, err = setup.SetValue(data, "tls", f.key, own); err != nil {
			return nil, err
		}
	}
	return data, nil
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
