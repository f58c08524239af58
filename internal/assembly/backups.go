package assembly

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup/job"
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
		Dirs: p.Dirs, Config: p.Config, Lookup: p.Lookup, Log: p.Log, Version: p.Version,
		Objects: p.Objects, Cluster: p.Cluster, Programs: p.Programs(),
		Product:  postgres.Inventory{},
		Account:  func() (*syscall.Credential, error) { return account.Lookup(account.Backup) },
		Name:     account.Backup,
		StepDown: func() error { return account.StepDown(account.Backup) },
		Fetch:    fetch,
		Probe:    probeCopy,
	}
}

// fetch is the restore_command of a recovery: this program, which asks a socket of
// the recovery for a WAL file. In it PostgreSQL replaces %f by the file's name and
// %p by where it goes.
func fetch(socket string) string {
	self, err := os.Executable()
	if err != nil {
		self = "/usr/bin/bugspark" // where the package has it
	}
	return fmt.Sprintf("exec '%s' wal fetch --socket '%s' '%%f' '%%p'", self, socket)
}

// probeCopy lets the product work with a restored database.
func probeCopy(ctx context.Context, s *pgcluster.Scratch) error {
	objects, err := filesystem.New(filepath.Join(s.Dir, "objects"))
	if err != nil {
		return err
	}
	return probe.Run(ctx, probe.Options{Host: s.Dir, Role: pgcluster.Owner, Database: pgcluster.Database, Objects: objects})
}

// dropSlot ends what the customer's server keeps for the backups. A server that is
// gone must not keep an administrator from applying the rest, so it is only told.
func (p *Parts) dropSlot(ctx context.Context) error {
	err := p.Jobs().DropSlot(ctx)
	if err != nil {
		p.Log.Warn("the replication slot was not dropped", "error", err, "next", fault.Hints(err))
	}
	return nil
}
