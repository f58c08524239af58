package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/supervisor"
	"github.com/bugspark/bugspark/internal/host/systemd"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/proxy/certificate"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// machine is this machine as the commands setup, plan, apply and status see it.
type machine struct {
	env Env
	*systemd.Manager
	set  unit.Set
	site *setup.Site
}

var _ setup.Units = (*machine)(nil)

func openMachine(ctx context.Context, env Env, dirs config.Dirs, cfg config.Config) (*machine, error) {
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return nil, err
	}
	manager, err := systemd.Connect(ctx, set)
	if err != nil {
		return nil, err
	}
	m := &machine{env: env, Manager: manager, set: set, site: newSite(env, dirs, cfg)}
	return m, nil
}

func newSite(env Env, dirs config.Dirs, cfg config.Config) *setup.Site {
	of := func(section string) (place, error) { return ownPlace(env, dirs, cfg.Backup, section == "backup.copy") }
	claim := func(ctx context.Context, section string) error {
		p, err := of(section)
		if err != nil {
			return err
		}
		return p.claim(ctx, dirs, false)
	}
	names := func(ctx context.Context, section string) ([]string, error) {
		p, err := of(section)
		if err != nil {
			return nil, err
		}
		return p.names(ctx)
	}
	drop := func(ctx context.Context) error { return dropSlot(ctx, env, dirs, cfg) }
	return &setup.Site{Dirs: dirs, Config: cfg, Now: time.Now, Claim: claim, Names: names, DropSlot: drop, Authority: func(name string, now time.Time) (setup.AuthorityFiles, error) {
		a, err := internalca.Create(name, now)
		if err != nil {
			return setup.AuthorityFiles{}, err
		}
		return setup.AuthorityFiles{RootCertificate: a.RootCertificatePEM, RootKey: a.RootKeyPEM, Bundle: a.BundlePEM}, nil
	}}
}

func (m *machine) converger(p *progress) *setup.Converger {
	return &setup.Converger{
		Site: m.site, Set: m.set, Units: m, Report: p.change,
		Healthy: func(ctx context.Context) error { return waitHealthy(ctx, m.site) },
	}
}

// firstSet asks for the first set of a customer's database as soon as backups run:
// the receiver of its WAL does not, if the slot there has outlived a machine before
// this. Of our own the receiver does.
func (m *machine) firstSet() error {
	confirmed, err := setup.KitConfirmed(m.site.Dirs)
	if err != nil || !confirmed || m.site.Config.Database.Mode == "managed" || m.site.Config.Backup.Target == "" {
		return err
	}
	memory, err := readMemory(m.site.Dirs)
	if err != nil || !memory.Set.At.IsZero() {
		return err
	}
	return wantSet(m.site.Dirs, "the first set")
}

// checks is everything that must hold before setup or apply changes anything.
func (m *machine) checks(ctx context.Context) []setup.Check {
	if root := setup.RootCheck(); root.Run(ctx) != nil {
		return []setup.Check{root} // without rights the others would tell of nothing else
	}
	held, err := m.heldPorts(ctx)
	if err != nil {
		return []setup.Check{{ID: "systemd", Title: "systemd answers", Run: func(context.Context) error { return err }}}
	}
	checks := append(m.site.BasicChecks(builtAt(), held),
		setup.Check{ID: "systemd", Title: "systemd is new enough and has the units", Run: m.checkSystemd},
		setup.Check{ID: "certificate", Title: "the certificate can be used", Run: func(context.Context) error { return checkCertificate(m.site.Config, time.Now()) }},
		setup.Check{ID: "secrets", Title: "the secrets of your own services are there", Run: func(context.Context) error { return m.checkSecrets() }},
	)
	if m.site.Config.Database.Mode == "managed" {
		checks = append(checks, setup.Check{ID: "postgresql", Title: "a PostgreSQL server is installed", Run: func(ctx context.Context) error {
			return findPostgres(ctx, m.site)
		}})
	}
	if m.site.Config.Backup.Target != "" && m.site.Config.Backup.Stream {
		checks = append(checks, setup.Check{ID: "replication", Title: "your database server lets its WAL be received", Run: m.checkStream})
	}
	if m.site.Config.Backup.Target != "" {
		checks = append(checks, setup.Check{ID: "backup-target", Title: "the backup target can be used", Run: m.site.CheckTarget})
	}
	if m.site.Config.Storage.Engine == "minio" {
		checks = append(checks, setup.Check{ID: "minio", Title: "a MinIO server is installed", Run: func(context.Context) error { return checkMinIO(m.site.Config.Storage) }})
	}
	return checks
}

func (m *machine) checkSystemd(ctx context.Context) error {
	version, err := m.Version()
	if err != nil {
		return err
	}
	if version < 252 {
		return fault.New(fault.Preflight, "use Debian 12, Ubuntu 24.04, RHEL 9 or newer", "systemd %d is too old: 252 is needed", version)
	}
	missing, err := m.Missing(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fault.New(fault.Preflight, "install the package again: apt install --reinstall bugspark", "units are missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

// findPostgres looks for the server that the cluster of this site would use.
func findPostgres(ctx context.Context, s *setup.Site) error {
	c := pgcluster.New(pgcluster.Options{StateDir: filepath.Join(s.Dirs.State, "postgres"), Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: pgcluster.Exec})
	if _, err := c.Find(ctx); err != nil {
		return fault.Wrap(fault.Preflight, err, "", "looking for PostgreSQL")
	}
	return nil
}

func checkMinIO(c config.Storage) error {
	binary := c.MinIOBinary
	if binary == "" {
		binary = "/usr/lib/bugspark/minio"
	}
	info, err := os.Stat(binary)
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "apt install bugspark-minio, or use an S3 service of yours with storage.engine: s3", "no MinIO server")
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return fault.New(fault.Preflight, "correct storage.minio_binary", "%s is no program", binary)
	}
	return nil
}

// checkCertificate looks at the files of tls.mode files as the proxy would.
func checkCertificate(c config.Config, now time.Time) error {
	if c.TLS.Mode != "files" {
		return nil
	}
	read := func(setting, path string) ([]byte, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Wrap(fault.Preflight, err, "correct "+setting, "reading %s", setting)
		}
		return data, nil
	}
	cert, err := read("tls.certificate", c.TLS.Certificate)
	if err != nil {
		return err
	}
	key, err := read("tls.key", c.TLS.Key)
	if err != nil {
		return err
	}
	if err := certificate.CheckFiles(cert, key, c.Server.Name, now); err != nil {
		return err
	}
	return errors.Join(readableBy("bugspark-proxy", c.TLS.Certificate), readableBy("bugspark-proxy", c.TLS.Key))
}

// checkSecrets finds external services whose secrets nobody has written yet.
func (m *machine) checkSecrets() error {
	var names []string
	if m.site.Config.Database.Mode == "external" {
		names = append(names, "database-dsn")
	}
	if m.site.Config.Storage.Engine == "s3" {
		names = append(names, "storage-access-key", "storage-secret-key")
	}
	var problems []error
	for _, name := range names {
		path := m.site.Dirs.CredentialFile(name)
		if data, err := os.ReadFile(path); err != nil || len(strings.TrimSpace(string(data))) == 0 {
			problems = append(problems, fault.New(fault.Preflight, "write it into "+path+" (mode 0600)", "the secret %s is missing", name))
		}
	}
	return errors.Join(problems...)
}

// Units describes the units that the configuration calls for.
func (m *machine) Units(ctx context.Context) ([]supervisor.Unit, error) {
	confirmed, err := setup.KitConfirmed(m.site.Dirs)
	if err != nil {
		return nil, err
	}
	on, _ := m.set.Selected(unit.Site{Config: m.site.Config, KitConfirmed: confirmed})
	return describe(ctx, m.Manager, on)
}

func describe(ctx context.Context, m *systemd.Manager, names []string) ([]supervisor.Unit, error) {
	states, err := m.Status(ctx, names...)
	if err != nil {
		return nil, err
	}
	out := make([]supervisor.Unit, len(states))
	for i, s := range states {
		out[i] = supervisor.Unit{
			Name: s.Name, Description: s.Description, State: s.Active, SubState: s.Sub, Restarts: s.Restarts,
			MemoryBytes: s.Memory, Healthy: s.Healthy(), Why: s.Why,
		}
		if !s.Since.IsZero() {
			out[i].Since = s.Since.UTC().Format(time.RFC3339)
		}
	}
	return out, nil
}
