package job

import (
	"context"
	"errors"
	"io/fs"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// NewCustomerServer is the customer's server behind a connection string.
func (j *Jobs) NewCustomerServer(dsn string) backup.CustomerServer {
	return backup.CustomerServer{CustomerServer: &pgcluster.CustomerServer{DSN: dsn, Programs: j.Programs, Account: j.Client}, Product: j.Product}
}

// CustomerServer is the customer's server of the configuration, with the role
// that replicates where its WAL is received.
func (j *Jobs) CustomerServer() (backup.CustomerServer, error) {
	return j.customerServer(j.Config.Backup.Stream)
}

func (j *Jobs) customerServer(stream bool) (backup.CustomerServer, error) {
	dsn, err := config.ReadCredential(j.Lookup, j.Dirs, "database-dsn")
	c := j.NewCustomerServer(dsn)
	if err != nil || !stream {
		return c, err
	}
	c.Replication, err = config.ReadCredential(j.Lookup, j.Dirs, "replication-dsn")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // apply makes the file, empty, after it was checked
	}
	if c.Replication == "" {
		c.Replication = dsn
	}
	return c, err
}

// CheckReplication proves that the WAL of the customer's server can be received.
func (j *Jobs) CheckReplication(ctx context.Context) error {
	c, err := j.CustomerServer()
	if err != nil {
		return err
	}
	return c.CheckReplication(ctx)
}

// DropSlot makes the server of a database.mode keep no more WAL for this machine. The
// configuration may have stopped to ask for WAL already.
func (j *Jobs) DropSlot(ctx context.Context, mode string) error {
	if mode == "managed" {
		cluster, err := j.Cluster()
		if err != nil {
			return err
		}
		return cluster.DropSlot(ctx)
	}
	c, err := j.customerServer(true)
	if err != nil {
		return err
	}
	return c.DropSlot(ctx)
}

// upstream is the server whose WAL is received.
func (j *Jobs) upstream() (pgcluster.Upstream, error) {
	if j.Config.Database.Mode == "external" {
		c, err := j.CustomerServer()
		if err != nil {
			return pgcluster.Upstream{}, err
		}
		return c.Upstream()
	}
	cluster, err := j.Cluster()
	if err != nil {
		return pgcluster.Upstream{}, err
	}
	return cluster.Upstream(), nil
}

// walSource is the same server for the shipper of its WAL.
func (j *Jobs) walSource() (*backup.Source, error) {
	if j.Config.Database.Mode == "external" {
		// The shipper may not read the credential of the role that replicates.
		dsn, err := config.ReadCredential(j.Lookup, j.Dirs, "database-dsn")
		if err != nil {
			return nil, err
		}
		slot, err := j.NewCustomerServer(dsn).Slot()
		return &backup.Source{Product: j.Product, DSN: dsn, Slot: slot}, err
	}
	cluster, err := j.Cluster()
	if err != nil {
		return nil, err
	}
	return &backup.Source{Product: j.Product, DSN: cluster.DSN(pgcluster.Backup, pgcluster.Database), Slot: cluster.Upstream().Slot}, nil
}
