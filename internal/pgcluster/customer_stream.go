package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// Slot is the replication slot on the customer's server. Installations that
// share one have databases of different names there.
func (f CustomerServer) Slot() (string, error) {
	c, err := pgconn.ParseConfig(f.DSN)
	if err != nil {
		return "", fmt.Errorf("reading the connection string: %w", err)
	}
	return slotName(c.Database), nil
}

// CheckReplication finds out whether the server can be copied as a whole, and its WAL
// received, without a danger to it. Its error names all that is missing, and the
// statements for the administrator of the server.
func (f CustomerServer) CheckReplication(ctx context.Context) error {
	up, err := f.Upstream()
	if err != nil {
		return err
	}
	conn, err := up.connect(ctx)
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "correct the credential replication-dsn", "the database server does not let the role of the backups in")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var s struct {
		role, level, system   string
		version, keep, spaces int
		slots                 int // free
		segment               int64
		may, standby          bool
	}
	err = conn.QueryRow(ctx, `SELECT current_user, current_setting('wal_level'), current_setting('server_version_num')::int,
		(SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
		(SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')),
		current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> $1 AND NOT temporary)::int,
		(SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
		(SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user), pg_is_in_recovery(),
		(SELECT system_identifier::text FROM pg_control_system())`, up.Slot).
		Scan(&s.role, &s.level, &s.version, &s.keep, &s.spaces, &s.slots, &s.segment, &s.may, &s.standby, &s.system)
	if err != nil {
		return fmt.Errorf("asking the database server about itself: %w", err)
	}
	var missing []error
	need := func(held bool, next, format string, args ...any) {
		if !held {
			missing = append(missing, fault.New(fault.Preflight, next, format, args...))
		}
	}
	major := s.version / 10000
	need(major >= oldest && major <= newest, "leave backup.stream off", "the server is PostgreSQL %d; the WAL of %d to %d can be received", major, oldest, newest)
	need(!s.standby, "name the primary in replication-dsn", "the server is a standby")
	need(s.may, "there: ALTER ROLE "+pgx.Identifier{s.role}.Sanitize()+" REPLICATION", "the role %s may not replicate", s.role)
	need(s.level != "minimal", "there: ALTER SYSTEM SET wal_level = 'replica', then restart it", "the server's wal_level is minimal")
	// Without a limit, a backup target that is away for long fills the customer's disk.
	need(s.keep > 0, "there: ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf()", "max_slot_wal_keep_size of the server is %d: it would keep WAL for us without a limit, until its disk is full, or none", s.keep)
	// One receives the WAL, and a copy holds one for as long as it lasts.
	need(s.slots >= 2, "there: ALTER SYSTEM SET max_replication_slots = '10', then restart it", "the server has %d replication slots to spare, and two are needed", max(s.slots, 0))
	need(s.segment == 16<<20, "leave backup.stream off", "the server's WAL segments have %d MiB, and only those of 16 can be received", s.segment>>20)
	need(s.spaces == 0, "leave backup.stream off", "the server has tablespaces outside of its data directory, which a stream cannot copy")
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	if _, err := f.Programs.ServerOf(ctx, major); err != nil {
		return err
	}
	return errors.Join(f.checkLocales(ctx, conn), f.sameServer(ctx, s.system), up.mayStream(ctx))
}

// checkLocales looks for the locales of the databases. A copy of the server refuses
// connections to a database whose locale is missing here.
func (f CustomerServer) checkLocales(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, "SELECT DISTINCT unnest(ARRAY[datcollate, datctype])::text FROM pg_database WHERE datname IN (current_database(), 'template1')")
	if err != nil {
		return err
	}
	wanted, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("asking for the locales of the databases: %w", err)
	}
	out, err := f.Programs.Run(ctx, f.Programs.environment(), "locale", "-a")
	if err != nil {
		return fmt.Errorf("listing the locales of this machine: %w: %s", err, lastLines(out))
	}
	plain := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "")) }
	have := strings.Fields(plain(string(out)))
	for _, name := range wanted {
		if !slices.Contains(have, plain(name)) {
			return fault.New(fault.Preflight, "run here: apt install locales, add "+name+" to /etc/locale.gen, and run locale-gen",
				"the databases of the server have the locale %s, which this machine does not know, so a copy could not be opened", name)
		}
	}
	return nil
}

// sameServer refuses a replication-dsn that leads elsewhere.
func (f CustomerServer) sameServer(ctx context.Context, system string) error {
	conn, err := pgx.Connect(ctx, f.DSN)
	if err != nil {
		return fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var other string
	if err := conn.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&other); err != nil {
		return fmt.Errorf("asking the database server about itself: %w", err)
	}
	if other != system {
		return fault.New(fault.Preflight, "correct one of the two", "the credentials database-dsn and replication-dsn lead to different servers")
	}
	return nil
}

// mayStream opens a connection as pg_receivewal does: pg_hba.conf has lines of
// its own for those.
func (u Upstream) mayStream(ctx context.Context) error {
	c, err := pgconn.ParseConfig(u.dsn)
	if err != nil {
		return fmt.Errorf("reading the connection string: %w", err)
	}
	c.RuntimeParams["replication"] = "true"
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return fault.Wrap(fault.Preflight, err, fmt.Sprintf("add to its pg_hba.conf: host replication %s ADDRESS/32 scram-sha-256", c.User), "the database server allows no connections for replication from here")
	}
	return conn.Close(ctx)
}

// DropSlot gives the slot on the customer's server up, so that it keeps no more
// WAL for us. One that is not there is fine.
func (f CustomerServer) DropSlot(ctx context.Context) error {
	up, err := f.Upstream()
	if err == nil {
		_, err = up.dropSlot(ctx)
	}
	if err != nil {
		return fault.Wrap(fault.Failed, err, "run there: SELECT pg_drop_replication_slot('"+up.Slot+"')", "dropping the replication slot on your database server")
	}
	return nil
}
