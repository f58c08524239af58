package cli

import (
	"context"
	"log/slog"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// The roles of our own PostgreSQL instance. A customer's database has the one
// of its connection string.
const (
	ownerRole = "bugspark"     // migrations
	apiRole   = "bugspark_api" // rows
)

// openStore opens the database that cfg names, as role where it is ours. It
// does not connect yet; the caller closes the store.
func openStore(ctx context.Context, env Env, cfg config.Config, dirs config.Dirs, role string, log *slog.Logger) (*postgres.Store, error) {
	o := postgres.Options{Pool: cfg.Database.Pool, Log: log}
	switch cfg.Database.Mode {
	case "external":
		dsn, err := config.ReadCredential(env.Lookup, dirs, "database-dsn")
		if err != nil {
			return nil, fault.Wrap(fault.Preflight, err, "run as root", "opening the database")
		}
		if dsn == "" {
			return nil, fault.New(fault.Preflight, "write the connection string into "+dirs.CredentialFile("database-dsn"),
				"database.mode is external, but the credential database-dsn is empty")
		}
		o.DSN = dsn
	default:
		o.Host, o.Role = dirs.PostgresSocketDir(), role
	}
	return postgres.Open(ctx, o)
}

// withStore runs f on the configured database and explains why it is out of
// reach.
func withStore(ctx context.Context, env Env, role string, f func(*postgres.Store) error) error {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, env, cfg, dirs, role, slog.New(slog.NewTextHandler(env.Stderr, nil)))
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Ping(ctx); err != nil {
		hint := "run 'systemctl status bugspark-postgres'; this command must run as root"
		if cfg.Database.Mode == "external" {
			hint = "check the credential database-dsn and that the server accepts connections from this machine"
		}
		return fault.Wrap(fault.Failed, err, hint, "reaching the database")
	}
	return f(store)
}
