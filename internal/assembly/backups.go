package assembly

import (
	"context"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/probe"
)

// Jobs are the backups.
func (p *Parts) Jobs() *job.Jobs {
	return &job.Jobs{
		Dirs: p.Dirs, Config: p.Config, Lookup: p.Lookup,
		InForce: func() (config.Config, error) { return config.LoadInForce(p.Dirs, p.Lookup) },
		Log:     p.Log, Version: p.Version,
		Objects: p.Objects, Cluster: p.Cluster, Programs: p.Programs(),
		Product:  postgres.Inventory{},
		Account:  func() (*syscall.Credential, error) { return account.Lookup(account.Backup) },
		Name:     account.Backup,
		Client:   clientAccount,
		StepDown: func() error { return account.StepDown(account.Backup) },
		Probe:    probeCopy,
		Restored: p.restored, RestoredData: p.restoredData(),
	}
}

// clientAccount is as whom root lets programs connect to a customer's server.
func clientAccount(dsn string) (*syscall.Credential, error) { return account.Lookup(clientName(dsn)) }

// clientName is the account that has the connection string already, and nothing else,
// unless the server knows the backups by theirs. It is never that of restored servers:
// processes of one account read each other's memory and files.
func clientName(dsn string) string {
	if pgcluster.OwnFiles(dsn) {
		return account.Backup
	}
	return account.Migrate
}

// probeCopy lets the product work with a restored database.
func probeCopy(ctx context.Context, s *scratch.Client) error {
	objects, err := filesystem.New(filepath.Join(s.Dir(), "objects"))
	if err != nil {
		return err
	}
	return probe.Run(ctx, probe.Options{Host: s.Dir(), Role: pgcluster.Owner, Database: pgcluster.Database, Objects: objects})
}

// dropSlot ends what the server of a database.mode keeps for the backups. A server
// that is gone must not keep an administrator from applying the rest, so it is only
// told.
func (p *Parts) dropSlot(ctx context.Context, mode string) error {
	err := p.Jobs().DropSlot(ctx, mode)
	if err != nil {
		p.Log.Warn("the replication slot was not dropped", "error", err, "next", fault.Hints(err))
	}
	return nil
}
