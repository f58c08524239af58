package assembly

import (
	"context"
	"fmt"
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
		preflight.Port("port-http", c.Server.HTTPPort, ours[c.Server.HTTPPort], m.howToSet("server.http_port", "8080")),
		preflight.Port("port-https", c.Server.HTTPSPort, ours[c.Server.HTTPSPort], m.howToSet("server.https_port", "8443")),
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
		checks = append(checks, preflight.Target(m.Site.CheckTarget), preflight.BackupKeys(m.Site.CheckKeys))
	}
	if c.Storage.Engine == "minio" {
		checks = append(checks, preflight.MinIO(func() error {
			_, err := minio.Find(c.Storage)
			return err
		}))
	}
	return checks
}

// howToSet says how a setting is given another value: in bugspark.yaml, or where there is
// none yet on the way to it.
func (m *Machine) howToSet(setting, value string) string {
	existing, err := setup.Existing(m.Dirs)
	applied, unread := setup.ReadApplied(m.Dirs)
	switch {
	case unread == nil && !applied.Finished && m.FromKit: // bugspark.yaml is of one that was interrupted
		return fmt.Sprintf("add --set-config %s=%s to the command", setting, value)
	case err == nil && existing == nil:
		return fmt.Sprintf("set %s to another one, such as %s, in the answers file of 'bugspark setup --answers FILE'", setting, value)
	}
	return fmt.Sprintf("set %s to another one, such as %s, in %s", setting, value, m.Dirs.File())
}

// heldPorts are the ports that our own sockets listen on already: those in use by
// us are not taken by somebody else.
func (m *Machine) heldPorts(ctx context.Context) (map[int]bool, error) {
	return setup.HeldPorts(m.Set, m.Config, func(name string) (bool, error) { return m.Active(ctx, name) })
}
