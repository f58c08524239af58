package assembly

import (
	"context"
	"slices"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/restore"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// RestoreReporter hears how far a restore is.
type RestoreReporter interface {
	restore.Reporter
	Change(setup.Change)
}

// Restorer restores this installation from the target of a session; nil is enough
// to confirm or undo the last restore.
func (p *Parts) Restorer(s *job.Session, r RestoreReporter) (*restore.Restorer, error) {
	tables, err := postgres.Tables()
	if err != nil {
		return nil, err
	}
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return nil, err
	}
	return &restore.Restorer{
		Dirs: p.Dirs, Lookup: p.Lookup, Jobs: p.Jobs(), Session: s, Tables: tables, Scratch: p.ScratchChild, Reporter: r,
		Units: restore.Units{
			Database: set.ProvidersOf("database"),
			Users:    set.WithSockets(slices.Concat(set.ProvidersOf("database"), set.WritersOf("database"))),
			Storage:  set.ProvidersOf("storage"),
			Writers:  set.WithSockets(set.WritersOf("database")),
		},
		Open: func(ctx context.Context, cfg config.Config) (restore.Machine, error) {
			m, err := With(p.Env, p.Dirs, cfg).Machine(ctx)
			if err != nil {
				return nil, err
			}
			m.FromKit = true
			return restoreMachine{m, r}, nil
		},
	}, nil
}

// silentRestore hears nothing, where nothing is restored.
type silentRestore struct{}

func (silentRestore) Step(string)              {}
func (silentRestore) Progress(backup.Progress) {}
func (silentRestore) Change(setup.Change)      {}

// restoreMachine is a machine as a restore wants it.
type restoreMachine struct {
	*Machine
	report RestoreReporter
}

var _ restore.Machine = restoreMachine{}

func (m restoreMachine) MakeFiles(ctx context.Context) error { return m.Site.ApplyFiles(ctx) }

func (m restoreMachine) Apply(ctx context.Context) error {
	var err error
	if m.Site.Source, err = setup.InForce(m.Dirs); err != nil {
		return err
	}
	_, err = m.Converge(ctx, m.report.Change)
	return err
}

func (m restoreMachine) RootCertificate() string { return m.Site.RootCertificate() }
