package assembly

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// The database's package and the API's do not know each other.
var _ httpapi.Store = (*postgres.Store)(nil)

// Role is a role of our own PostgreSQL instance. A customer's database has the
// one of its connection string.
type Role string

// The roles.
const (
	Owner Role = "bugspark"     // owns the tables and migrates them
	API   Role = "bugspark_api" // reads and writes rows
)

// Store opens the database. It does not connect yet; the caller closes the store.
func (p *Parts) Store(ctx context.Context, role Role) (*postgres.Store, error) {
	o := postgres.Options{Pool: p.Config.Database.Pool, Log: p.Log}
	if p.Config.Database.Mode != "external" {
		o.Host, o.Role = p.Dirs.PostgresSocketDir(), string(role)
		return postgres.Open(ctx, o)
	}
	dsn, err := p.credential("database-dsn")
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run as root", "opening the database")
	}
	if dsn == "" {
		return nil, fault.New(fault.Preflight, "write the connection string into "+p.Dirs.CredentialFile("database-dsn"),
			"database.mode is external, but the credential database-dsn is empty")
	}
	o.DSN = dsn
	return postgres.Open(ctx, o)
}

// admit refuses a person's account that may not even see the database, before anything else
// is said about it; next is the command to run instead. It is not for services, which get
// their credentials from systemd and may not read these files.
func (p *Parts) admit(next string) error {
	place := filepath.Join(p.Dirs.PostgresSocketDir(), ".s.PGSQL.5432")
	if p.Config.Database.Mode == "external" {
		place = p.Dirs.CredentialFile("database-dsn")
	}
	if err := unix.Access(place, unix.R_OK); errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.Preflight, next, "this command must run as root, and this account may not use the database")
	}
	return nil
}

// WithStore runs f on the database, and explains why it is out of reach.
func (p *Parts) WithStore(ctx context.Context, role Role, f func(*postgres.Store) error) error {
	store, err := p.Store(ctx, role)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Ping(ctx); err != nil {
		hint := "systemctl start bugspark.target, if somebody has stopped it; 'bugspark status' tells. The command must run as root"
		if p.Config.Database.Mode == "external" {
			hint = "check the credential database-dsn and that the server accepts connections from this machine"
		}
		return fault.Wrap(fault.Failed, err, hint, "reaching the database")
	}
	return f(store)
}

// quietStore opens the database for a command that prints its own errors, while the
// database may not be there.
func (p *Parts) quietStore(ctx context.Context) (*postgres.Store, error) {
	quiet := *p
	quiet.Log = slog.New(slog.DiscardHandler)
	return quiet.Store(ctx, API)
}

// populated tells whether the database holds an account.
func (p *Parts) populated(ctx context.Context) (bool, error) {
	store, err := p.quietStore(ctx)
	if err != nil {
		return false, err
	}
	defer store.Close()
	return store.HasAccounts(ctx)
}
