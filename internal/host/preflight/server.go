package preflight

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// Restored wants a machine on which no restore is unfinished; try looks.
func Restored(try func() error) Check {
	return Check{"restored", "no restore is unfinished", Unfinished, func(context.Context) error { return try() }}
}

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

// Database wants a customer's database that can be worked with; try connects to it.
func Database(try func(context.Context) error) Check {
	return Check{"database", "your database answers", Services, answers("your database", try, "look whether the server runs; correct the connection string in the credential database-dsn, or let this machine in at the server (pg_hba.conf)")}
}

// Storage wants a customer's object store that lets us in; try asks it.
func Storage(try func(context.Context) error) Check {
	return Check{"storage", "your object store answers", Services, answers("your object store", try, "correct storage.endpoint, storage.region, or the credentials storage-access-key and storage-secret-key")}
}

// answers bounds how long another machine is waited for. Without this check, what runs
// would be stopped for a setting that cannot work, and started again as it was.
func answers(whose string, try func(context.Context) error, hint string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if err := try(ctx); err != nil {
			return fault.Wrap(fault.Preflight, err, hint, "asking %s", whose)
		}
		return nil
	}
}

// Directory refuses storage.engine filesystem for the services, whose sandbox lets the API
// write nothing but uploads that are under way. It is for 'bugspark up'.
func Directory() Check {
	return Check{"storage", "pictures have a place", Machine, func(context.Context) error {
		return fault.New(fault.Preflight, "set storage.engine to minio or s3", "storage.engine filesystem is for evaluation with 'bugspark up', and the services cannot use it")
	}}
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
