package assembly

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	backuphealth "github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
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
	// StartEmpty accepts that data stays behind where a changed setting looks no more.
	StartEmpty bool
	FromKit    bool // a new machine is being restored
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
			return p.claim(ctx, e, section)
		},
		Names: func(ctx context.Context, section string) ([]string, error) {
			e, err := endpoint(section)
			if err != nil {
				return nil, err
			}
			return e.Names(ctx)
		},
		OtherData: func() error {
			if _, err := os.Stat(history.File(p.Dirs, "")); errors.Is(err, fs.ErrNotExist) {
				return nil // no target was ever claimed
			}
			return history.OtherData(p.Dirs, time.Now())
		},
		Populated: p.populated,
		DropSlot:  p.dropSlot,
		SlotBoundStale: func(ctx context.Context) (bool, error) {
			cluster, err := p.Cluster()
			if err != nil {
				return false, err
			}
			return cluster.SlotBoundStale(ctx)
		},
		Authority: func(name string, now time.Time) (setup.AuthorityFiles, error) {
			a, err := internalca.Create(name, now)
			if err != nil {
				return setup.AuthorityFiles{}, err
			}
			return setup.AuthorityFiles{RootCertificate: a.RootCertificatePEM, Bundle: a.BundlePEM}, nil
		},
		AuthorityFits: func(bundle []byte, name string, now time.Time) (bool, error) {
			issuer, err := internalca.Parse(bundle, func() time.Time { return now })
			if err != nil {
				return false, err
			}
			return issuer.Permits(name) && !issuer.Ends(), nil
		},
	}
}

// claim makes a target this machine's that is named in a configuration which is not in
// force yet. What 'backup create' claims is the one that is.
func (p *Parts) claim(ctx context.Context, e target.Endpoint, section string) error {
	err := p.Jobs().Claim(ctx, e, p.ForceClaim)
	if errors.Is(err, target.ErrOwnedElsewhere) {
		return fault.New(fault.Preflight, "bugspark apply --claim, if that machine is gone for good; or set "+section+".target to another place", "%v", err)
	}
	return err
}

// Converger brings the machine to what its configuration says, and tells report
// of each change.
func (m *Machine) Converger(report func(setup.Change)) *setup.Converger {
	return &setup.Converger{Site: m.Site, Set: m.Set, Units: m, Report: report, StartEmpty: m.StartEmpty, Healthy: func(ctx context.Context, c config.Config) error {
		return With(m.Env, m.Dirs, c).Endpoint(m.Site).Wait(ctx)
	}}
}

// NameTarget writes the local backup target into the configuration with the next
// change, where the configuration says nothing of backups.
func (m *Machine) NameTarget() error {
	existing, err := setup.Existing(m.Dirs)
	if err != nil {
		return err
	}
	data, cfg, err := setup.NameTarget(m.Dirs, existing, m.Lookup)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, existing) {
		m.Config, m.Site.Config, m.Site.Completed = cfg, cfg, data
	}
	return nil
}

// Converge makes every change and starts the backups.
func (m *Machine) Converge(ctx context.Context, report func(setup.Change)) ([]setup.Change, error) {
	made, err := m.Converger(report).Apply(ctx)
	if setup.Served(err) {
		if back := m.startBackups(); back != nil {
			return made, errors.Join(err, back)
		}
	}
	return made, err
}

// startBackups remembers where the backups go, and asks for a set at once where they
// go elsewhere than before, and for the first one of a customer's database: the
// receiver of its WAL does not ask if the slot there has outlived a machine before
// this. Of our own it does.
func (m *Machine) startBackups() error {
	if _, err := os.Stat(history.File(m.Dirs, "")); errors.Is(err, fs.ErrNotExist) {
		return nil // no target was ever claimed
	}
	moved, err := history.TurnOn(m.Dirs, m.Config.Backup.Place(), time.Now())
	if err != nil || moved || m.Config.Database.Mode == "managed" || m.Config.Backup.Target == "" {
		return err
	}
	if !history.Known(m.Dirs).Set.At.IsZero() {
		return nil
	}
	return history.RequestSet(m.Dirs, "the first set")
}

// Backups tells how the backups are.
func (m *Machine) Backups() (backuphealth.Status, error) {
	return backuphealth.Look(m.Lookup, m.Dirs, m.Config, time.Now())
}

// KitNote is what is to be done about a confirmed recovery kit that does not lead to the
// backups of the configuration; empty when it does, or that cannot be told here.
func (m *Machine) KitNote() string {
	standing, err := kit.Stand(m.Lookup, m.Dirs, m.Config.Backup)
	if err != nil || m.Config.Backup.Target == "" {
		return ""
	}
	return backuphealth.KitNote(standing, m.Config.Backup)
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
