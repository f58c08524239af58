package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A copy comes with the settings and the code of whoever was superuser of its server.
// Code that is called cannot be kept from running: a view calls functions, an index
// has expressions. So the server has an account without keys and no network, and what
// is here only sees to it that nothing runs that nobody calls.

// parameters are settings of a server by their names, in order.
type parameters [][2]string

// calm are the settings of a session in which nothing of the copy runs by itself. They
// come with the connection, because what is set for a role or a database would override
// those of the command line.
func (s *Scratch) calm() parameters {
	out := parameters{{"session_preload_libraries", ""}, {"local_preload_libraries", ""}}
	if s.Server.Major >= 17 {
		// The only version that has triggers on login as well.
		return append(out, [2]string{"event_triggers", "off"})
	}
	return out
}

// Limits of a session with a server that runs others' code, beside Patience.
const (
	defaultPatience = 30 * time.Minute // for a statement
	lockPatience    = time.Minute      // nobody else works there
	idlePatience    = 10 * time.Minute // in a transaction; ours never wait in one
)

// limits keep a sleep, or a lock that is never given back, from keeping a session waiting.
// They come with the connection for the reason of calm. The programs of PostgreSQL switch
// them off; whoever asks for these has a time limit of his own.
func (s *Scratch) limits() parameters {
	statement := s.Patience
	if statement == 0 {
		statement = defaultPatience
	}
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(min(d.Milliseconds(), math.MaxInt32), 10) }
	return parameters{{"statement_timeout", milliseconds(statement)}, {"lock_timeout", milliseconds(lockPatience)}, {"idle_in_transaction_session_timeout", milliseconds(idlePatience)}}
}

// forced are the settings of the server that no file may override.
func (s *Scratch) forced() parameters {
	out := append(s.calm(), parameters{
		{"listen_addresses", ""}, {"port", "5432"}, {"shared_preload_libraries", ""}, {"dynamic_library_path", "$libdir"},
		{"archive_mode", "off"}, {"archive_command", ""}, {"archive_library", ""}, {"archive_cleanup_command", ""}, {"recovery_end_command", ""},
		{"primary_conninfo", ""}, {"primary_slot_name", ""}, {"hot_standby", "off"}, {"autovacuum", "off"}, {"jit", "off"},
		// A subscription of the customer's would go on from here, and take from its publisher.
		{"max_logical_replication_workers", "0"},
		{"ssl", "off"}, {"ssl_passphrase_command", ""}, {"logging_collector", "off"}, {"external_pid_file", ""},
	}...)
	if s.Server.Major < 16 {
		out = append(out, [2]string{"promote_trigger_file", ""})
	}
	return out
}

func (p parameters) arguments() []string {
	var out []string
	for _, o := range p {
		out = append(out, "-c", o[0]+"="+o[1])
	}
	return out
}

// options is the value of the connection parameter of that name, and of PGOPTIONS.
func (p parameters) options() string { return strings.Join(p.arguments(), " ") }

// pgoptions gives the programs of PostgreSQL a calm session.
func (s *Scratch) pgoptions() string { return "PGOPTIONS=" + s.calm().options() }

// disarm takes away, in a copy that is thrown away, what would run by itself. In one
// that is to be used it stays: it is the administrator's.
func (s *Scratch) disarm(ctx context.Context) error {
	first := s.first()
	conn, err := connectCalm(ctx, first)
	if err != nil {
		return fmt.Errorf("opening the scratch server: %w", err)
	}
	databases, err := pgxStrings(ctx, conn, "SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn")
	s.Disarmed = nil
	if err == nil {
		s.Disarmed, err = pgxStrings(ctx, conn, `SELECT DISTINCT 'setting of a role or database: ' || pg_catalog.split_part(c, '=', 1)
			FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) c WHERE c NOT LIKE 'search_path=%' ORDER BY 1`)
	}
	if err == nil {
		// Where tables are found is needed, and runs nothing.
		err = run(ctx, conn,
			`UPDATE pg_catalog.pg_db_role_setting SET setconfig = (SELECT coalesce(pg_catalog.array_agg(c), '{}') FROM pg_catalog.unnest(setconfig) c WHERE c LIKE 'search_path=%')`,
			`DELETE FROM pg_catalog.pg_db_role_setting WHERE setconfig = '{}'`)
	}
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("taking away the settings of roles and databases: %w", err)
	}
	for _, database := range databases {
		if err := s.disarmDatabase(ctx, database); err != nil {
			return fmt.Errorf("switching off the event triggers of %s: %w", database, err)
		}
	}
	return nil
}

// disarmDatabase disables event triggers, which no command about event triggers fires.
func (s *Scratch) disarmDatabase(ctx context.Context, database string) error {
	u, err := url.Parse(s.first())
	if err != nil {
		return err
	}
	u.Path = "/" + database
	conn, err := connectCalm(ctx, u.String())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	names, err := pgxStrings(ctx, conn, "SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'")
	if err != nil {
		return err
	}
	for _, name := range names {
		s.Disarmed = append(s.Disarmed, "event trigger: "+name)
		if err := run(ctx, conn, "ALTER EVENT TRIGGER "+pgx.Identifier{name}.Sanitize()+" DISABLE"); err != nil {
			return err
		}
	}
	return nil
}

// connectCalm opens a session in which no table or function of the copy stands for one of
// the server's own.
func connectCalm(ctx context.Context, dsn string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	c.RuntimeParams["search_path"] = "pg_catalog"
	return pgx.ConnectConfig(ctx, c)
}

func pgxStrings(ctx context.Context, conn *pgx.Conn, sql string) ([]string, error) {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// first is where the server is asked for the first time.
func (s *Scratch) first() string {
	if s.Origin.Database != "" {
		return s.dsn(s.Origin.Superuser, s.Origin.Database)
	}
	return s.DSN("postgres")
}

// What was set with ALTER SYSTEM is set aside while the scratch server runs: the command
// line does not name every setting that could do harm.
const (
	auto      = "postgresql.auto.conf"
	autoAside = "postgresql.auto.conf.aside"
)

// setAsideAuto leaves an empty file. One that is set aside already is of a run that was
// interrupted. It also takes away what would make the copy a standby.
func (s *Scratch) setAsideAuto() error {
	data, err := os.OpenRoot(s.DataDir)
	if err != nil {
		return err
	}
	defer data.Close()
	if err := data.Remove("standby.signal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = data.Lstat(autoAside)
	if errors.Is(err, fs.ErrNotExist) {
		err = data.Rename(auto, autoAside)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.create(data.Name() + "/" + auto)
	if err != nil {
		return err
	}
	return f.Close()
}

// putBackAuto brings back what was set with ALTER SYSTEM.
func (s *Scratch) putBackAuto() error {
	data, err := os.OpenRoot(s.DataDir)
	if err != nil {
		return err
	}
	defer data.Close()
	if err := data.Rename(autoAside, auto); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bringing back the settings of the copy: %w", err)
	}
	return nil
}
