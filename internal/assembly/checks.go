package assembly

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/host/minio"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/proxy/certificate"
)

// Checks is everything that must hold before setup, apply or restore change
// anything.
func (m *Machine) Checks(ctx context.Context) []preflight.Check {
	if preflight.RequireRoot() != nil {
		return []preflight.Check{preflight.Root()} // the others would tell of nothing else
	}
	c := m.Config
	ours, err := m.heldPorts(ctx)
	if err != nil {
		return []preflight.Check{preflight.Broken(err)}
	}
	checks := []preflight.Check{
		preflight.Clock(time.Now(), m.Built),
		preflight.Disk(m.Dirs.State),
		preflight.Port("port-http", "server.http_port", c.Server.HTTPPort, ours[c.Server.HTTPPort]),
		preflight.Port("port-https", "server.https_port", c.Server.HTTPSPort, ours[c.Server.HTTPSPort]),
		preflight.Systemd(m),
		preflight.CertificateFiles(c, func(cert, key []byte) error { return certificate.CheckFiles(cert, key, c.Server.Name, time.Now()) }),
		preflight.OwnSecrets(m.Dirs, c),
	}
	if c.Database.Mode == "managed" {
		checks = append(checks, preflight.PostgreSQL(func(ctx context.Context) error {
			_, err := m.Programs().Find(ctx)
			return err
		}))
	}
	if c.Backup.Target != "" && c.Backup.Stream {
		checks = append(checks, preflight.WAL(m.Jobs().CheckReplication))
	}
	if c.Backup.Target != "" {
		checks = append(checks, preflight.Target(m.Site.CheckTarget))
	}
	if c.Storage.Engine == "minio" {
		checks = append(checks, preflight.MinIO(func() error {
			_, err := minio.Find(c.Storage)
			return err
		}))
	}
	return checks
}

// heldPorts are the ports that our own sockets listen on already: those in use by
// us are not taken by somebody else.
func (m *Machine) heldPorts(ctx context.Context) (map[int]bool, error) {
	return setup.HeldPorts(m.Set, m.Config, func(name string) (bool, error) { return m.Active(ctx, name) })
}
