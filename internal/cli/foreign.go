package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// newForeign is the customer's database behind a connection string.
func newForeign(env Env, dsn string) backup.CustomerServer {
	return backup.CustomerServer{CustomerServer: &pgcluster.CustomerServer{DSN: dsn, Programs: programs(env)}}
}

// programs finds what is installed of PostgreSQL, for whatever data.
func programs(env Env) *pgcluster.Cluster {
	return pgcluster.New(pgcluster.Options{Root: os.DirFS("/"), Lookup: env.Lookup, Run: pgcluster.Exec})
}

// ownForeign is the customer's database of this machine's configuration, with the
// role that replicates where its WAL is received.
func ownForeign(env Env, d config.Dirs, cfg config.Config) (backup.CustomerServer, error) {
	dsn, err := config.ReadCredential(env.Lookup, d, "database-dsn")
	f := newForeign(env, dsn)
	if err != nil || !cfg.Backup.Stream {
		return f, err
	}
	f.Replication, err = config.ReadCredential(env.Lookup, d, "replication-dsn")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // apply makes the file, empty, after it was checked
	}
	if f.Replication == "" {
		f.Replication = dsn
	}
	return f, err
}

// upstream is the server whose WAL is received.
func upstream(env Env, d config.Dirs, cfg config.Config) (pgcluster.Upstream, error) {
	if cfg.Database.Mode == "external" {
		f, err := ownForeign(env, d, cfg)
		if err != nil {
			return pgcluster.Upstream{}, err
		}
		return f.Upstream()
	}
	cluster, err := openCluster(env)
	if err != nil {
		return pgcluster.Upstream{}, err
	}
	return cluster.Upstream(), nil
}

// walSource is the same server for the shipper of its WAL.
func walSource(env Env, d config.Dirs, cfg config.Config) (*backup.Source, error) {
	if cfg.Database.Mode == "external" {
		// The shipper is not told the role that replicates.
		dsn, err := config.ReadCredential(env.Lookup, d, "database-dsn")
		if err != nil {
			return nil, err
		}
		slot, err := newForeign(env, dsn).Slot()
		return &backup.Source{DSN: dsn, Slot: slot}, err
	}
	cluster, err := openCluster(env)
	if err != nil {
		return nil, err
	}
	return &backup.Source{DSN: cluster.DSN(pgcluster.Backup, pgcluster.Database), Slot: cluster.Upstream().Slot}, nil
}

// checkStream proves that the WAL of the customer's server can be received.
func (m *machine) checkStream(ctx context.Context) error {
	f, err := ownForeign(m.env, m.site.Dirs, m.site.Config)
	if err != nil {
		return err
	}
	return f.CheckReplication(ctx)
}

// dropSlot ends what the customer's server keeps for us. A server that is gone
// must not keep an administrator from applying the rest.
func dropSlot(ctx context.Context, env Env, d config.Dirs, cfg config.Config) error {
	cfg.Backup.Stream = true // it was
	f, err := ownForeign(env, d, cfg)
	if err == nil {
		err = f.DropSlot(ctx)
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "  ! %v\n", err)
		for _, next := range fault.Hints(err) {
			fmt.Fprintf(env.Stderr, "    %s\n", next)
		}
	}
	return nil
}
