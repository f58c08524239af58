package preflight

import (
	"context"

	"github.com/bugspark/bugspark/internal/fault"
)

// PostgreSQL wants a server of a major version that the cluster can use; find
// looks for it.
func PostgreSQL(find func(context.Context) error) Check {
	return Check{"postgresql", "a PostgreSQL server is installed", Machine, func(ctx context.Context) error {
		if err := find(ctx); err != nil {
			return fault.Wrap(fault.Preflight, err, "", "looking for PostgreSQL")
		}
		return nil
	}}
}

// MinIO wants a MinIO server; find looks for it.
func MinIO(find func() error) Check {
	return Check{"minio", "a MinIO server is installed", Machine, func(context.Context) error { return find() }}
}

// WAL wants a customer's server that lets its WAL be received; try connects to it.
func WAL(try func(context.Context) error) Check {
	return Check{"replication", "your database server lets its WAL be received", Replication, try}
}

// BackupKeys wants the keys of backups that are there; try looks for both.
func BackupKeys(try func(context.Context) error) Check {
	return Check{"backup-keys", "the keys of the backups are there", Secrets, try}
}

// Target wants a backup target that can be used; try looks at it.
func Target(try func(context.Context) error) Check {
	return Check{"backup-target", "the backup target can be used", BackupTarget, try}
}
