package pgcluster

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/fault"
)

// Upstream is a server that is copied as a whole and whose WAL is received: our
// cluster, or a customer's server that lets us.
type Upstream struct {
	// Slot is the replication slot that keeps WAL until the spool has it.
	Slot string

	dsn       string // of a role with the right to replicate
	shown     string // dsn for command lines, which everybody can read
	as        client
	programs  *Cluster
	overrides string // directory of the administrator's settings; empty for a customer's server
	home      string // a directory on the disk of our own server; empty for a customer's
}

// Upstream is our cluster, by the role of the backups.
func (c *Cluster) Upstream() Upstream {
	dsn := c.DSN(Backup, Database)
	return Upstream{Slot: "bugspark", dsn: dsn, shown: dsn, programs: c, overrides: c.OverrideDir, home: c.StateDir}
}

// Upstream is the customer's server, by the role of Replication.
func (f CustomerServer) Upstream() (Upstream, error) {
	shown, as, err := f.client(f.Replication)
	if err != nil {
		return Upstream{}, err
	}
	slot, err := f.Slot()
	return Upstream{Slot: slot, dsn: f.Replication, shown: shown, as: as, programs: f.Programs}, err
}

// connect opens a session that may ask about the server and manage its slots.
func (u Upstream) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, u.dsn)
	if err != nil {
		return nil, fmt.Errorf("reaching the database: %w", err)
	}
	return conn, nil
}

// running finds the programs for the server that runs: an account that may only
// connect to it cannot look into its data.
func (u Upstream) running(ctx context.Context) (Server, error) {
	conn, err := u.connect(ctx)
	if err != nil {
		return Server{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return Server{}, fmt.Errorf("asking the database for its version: %w", err)
	}
	return u.programs.ServerOf(ctx, version/10000)
}

// BaseBackup starts pg_basebackup. A cancelled ctx ends it.
func (u Upstream) BaseBackup(ctx context.Context) (*BaseBackup, error) {
	server, err := u.running(ctx)
	if err != nil {
		return nil, err
	}
	copying, end := context.WithCancel(ctx)
	held, err := u.hold(ctx, end)
	if err != nil {
		end()
		return nil, err
	}
	o, err := start(command(copying, server.program("pg_basebackup"), u.programs.environment(), "--dbname="+u.shown,
		"--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--no-password", "--verbose", "--label=bugspark"), u.as)
	if err != nil {
		held.release()
		return nil, fault.Wrap(fault.Failed, err, u.programs.install(server.Major), "starting pg_basebackup")
	}
	return &BaseBackup{o, held}, nil
}

// toSet tells the administrator how a setting of the server is changed.
func (u Upstream) toSet(setting, value string) string {
	if u.overrides == "" {
		return "there: ALTER SYSTEM SET " + setting + " = '" + value + "'; SELECT pg_reload_conf()"
	}
	return fmt.Sprintf("put %s = '%s' into %s/NAME.conf and: systemctl reload %s", setting, value, u.overrides, service)
}

var notInSlots = regexp.MustCompile(`[^a-z0-9_]`)

// slotName is the name of the slot for a database of a customer's server.
func slotName(database string) string {
	name := "bugspark_" + notInSlots.ReplaceAllString(strings.ToLower(database), "_")
	return name[:min(len(name), 63)]
}
