package assembly

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/host/health"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/systemd"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// ServiceManager is what the machine asks of systemd; tests hand in another one.
type ServiceManager interface {
	setup.Units
	preflight.ServiceManager
	Status(ctx context.Context, units ...string) ([]systemd.Status, error)
	Close()
}

// Machine is this machine as setup, plan, apply, status and restore see it.
type Machine struct {
	*Parts
	ServiceManager
	Set  unit.Set
	Site *setup.Site
}

// Machine reaches the service manager. The caller closes it.
func (p *Parts) Machine(ctx context.Context) (*Machine, error) {
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return nil, err
	}
	connect := p.Connect
	if connect == nil {
		connect = func(ctx context.Context, set unit.Set) (ServiceManager, error) { return systemd.Connect(ctx, set) }
	}
	manager, err := connect(ctx, set)
	if err != nil {
		return nil, err
	}
	return &Machine{Parts: p, ServiceManager: manager, Set: set, Site: p.Site(set)}, nil
}

// Site is the files, secrets and units of this installation.
func (p *Parts) Site(set unit.Set) *setup.Site {
	endpoint := func(section string) (target.Endpoint, error) {
		return target.EndpointOf(p.Lookup, p.Dirs, p.Config.Backup, section == setup.SecondTarget)
	}
	return &setup.Site{
		Dirs: p.Dirs, Config: p.Config, Now: time.Now,
		Claim: func(ctx context.Context, section string) error {
			e, err := endpoint(section)
			if err != nil {
				return err
			}
			return p.Jobs().Claim(ctx, e, false)
		},
		Names: func(ctx context.Context, section string) ([]string, error) {
			e, err := endpoint(section)
			if err != nil {
				return nil, err
			}
			return e.Names(ctx)
		},
		DropSlot: func(ctx context.Context) error { return p.dropSlot(ctx) },
		Authority: func(name string, now time.Time) (setup.AuthorityFiles, error) {
			a, err := internalca.Create(name, now)
			if err != nil {
				return setup.AuthorityFiles{}, err
			}
			return setup.AuthorityFiles{RootCertificate: a.RootCertificatePEM, RootKey: a.RootKeyPEM, Bundle: a.BundlePEM}, nil
		},
	}
}

// Converger brings the machine to what its configuration says, and tells report
// of each change.
func (m *Machine) Converger(report func(setup.Change)) *setup.Converger {
	return &setup.Converger{Site: m.Site, Set: m.Set, Units: m, Report: report, Healthy: m.Healthy}
}

// Converge makes every change and starts the backups.
func (m *Machine) Converge(ctx context.Context, report func(setup.Change)) ([]setup.Change, error) {
	made, err := m.Converger(report).Apply(ctx)
	if err == nil {
		err = m.requestFirstSet()
	}
	return made, err
}

// requestFirstSet asks for the first set of a customer's database as soon as
// backups run: the receiver of its WAL does not, if the slot there has outlived a
// machine before this. Of our own the receiver does.
func (m *Machine) requestFirstSet() error {
	confirmed, err := kit.Confirmed(m.Dirs)
	if err != nil || !confirmed || m.Config.Database.Mode == "managed" || m.Config.Backup.Target == "" {
		return err
	}
	h, err := history.Read(m.Dirs)
	if err != nil || !h.Set.At.IsZero() {
		return err
	}
	return history.RequestSet(m.Dirs, "the first set")
}

// Endpoint is the public address of the installation.
func (p *Parts) Endpoint(site *setup.Site) health.Endpoint {
	e := health.Endpoint{Server: p.Config.Server}
	if p.Config.TLS.Mode == "internal" {
		e.RootCertificate = site.RootCertificate()
	}
	return e
}

// Healthy waits until the whole stack answers.
func (m *Machine) Healthy(ctx context.Context) error { return m.Endpoint(m.Site).Wait(ctx) }
