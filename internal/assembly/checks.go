package assembly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/minio"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/objectstore"
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
		preflight.Schedules(c),
		preflight.Restored(func() error { return setup.CheckRestored(m.Dirs) }),
	}
	if c.Database.Mode == "external" {
		checks = append(checks, preflight.Database(m.databaseAnswers))
	}
	if c.Storage.Engine == "s3" {
		checks = append(checks, preflight.Storage(m.storageAnswers))
	}
	if c.Storage.Engine == "filesystem" && m.Dirs.State == config.DirsFrom(func(string) (string, bool) { return "", false }).State {
		checks = append(checks, preflight.Directory())
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

// databaseAnswers connects to the customer's database. A secret that is missing is told by
// the check of the secrets.
func (p *Parts) databaseAnswers(ctx context.Context) error {
	if dsn, err := p.credential("database-dsn"); err != nil || dsn == "" {
		return nil //nolint:nilerr // see above
	}
	store, err := p.quietStore(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Ping(ctx); err != nil {
		return err
	}
	may, role, database, err := store.MayMigrate(ctx)
	if err == nil && !may {
		return fault.New(fault.Preflight, fmt.Sprintf("make it the owner, as the administrator of the server: ALTER DATABASE %q OWNER TO %q", database, role),
			"the role %s may not create tables in the database %s", role, database)
	}
	return err
}

// storageAnswers asks the customer's object store for the bucket. The API makes one that
// is not there.
func (p *Parts) storageAnswers(ctx context.Context) error {
	for _, name := range []string{"storage-access-key", "storage-secret-key"} {
		if key, err := p.credential(name); err != nil || key == "" {
			return nil //nolint:nilerr // as with databaseAnswers
		}
	}
	objects, err := p.Objects()
	if err != nil {
		return err
	}
	if err := objects.Check(ctx); !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	return nil
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

// heldPorts are the ports that our own sockets listen on already, by the configuration in
// force: those in use by us are not taken by somebody else.
func (m *Machine) heldPorts(ctx context.Context) (map[int]bool, error) {
	now := m.Config
	if c, err := config.LoadInForce(m.Dirs, m.Lookup); err == nil {
		now = c
	}
	return setup.HeldPorts(m.Set, now, func(name string) (bool, error) { return m.Active(ctx, name) })
}
