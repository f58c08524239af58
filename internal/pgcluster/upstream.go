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

	dsn      string // of a role with the right to replicate
	shown    string // dsn for command lines, which everybody can read
	env      []string
	programs *Cluster
}

// Upstream is our cluster, by the role of the backups.
func (c *Cluster) Upstream() Upstream {
	dsn := c.DSN(Backup, Database)
	return Upstream{Slot: "bugspark", dsn: dsn, shown: dsn, env: c.environment(), programs: c}
}

// Upstream is the customer's server, by the role of Replication.
func (f CustomerServer) Upstream() (Upstream, error) {
	shown, env, err := hidden(f.Replication)
	if err != nil {
		return Upstream{}, err
	}
	slot, err := f.Slot()
	return Upstream{Slot: slot, dsn: f.Replication, shown: shown, env: append(f.Programs.environment(), env...), programs: f.Programs}, err
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
	o, err := start(command(ctx, server.program("pg_basebackup"), u.env, "--dbname="+u.shown,
		"--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--no-password", "--verbose", "--label=bugspark"))
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, u.programs.install(server.Major), "starting pg_basebackup")
	}
	return &BaseBackup{o}, nil
}

var notInSlots = regexp.MustCompile(`[^a-z0-9_]`)

// slotName is the name of the slot for a database of a customer's server.
func slotName(database string) string {
	name := "bugspark_" + notInSlots.ReplaceAllString(strings.ToLower(database), "_")
	return name[:min(len(name), 63)]
}
