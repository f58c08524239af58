package pgcluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/fault"
)

// Load reads what Dump wrote of a schema, in one transaction or not at all.
// It replaces our tables, and marks them in the same transaction; see Mark. The schema
// itself, which may belong to another role, only has to exist.
func (f CustomerServer) Load(ctx context.Context, dump io.Reader, namespace, mark string) error {
	program, err := f.program("pg_restore")
	if err != nil {
		return err
	}
	psql, err := f.program("psql")
	if err != nil {
		return err
	}
	if err := f.makeNamespace(ctx, namespace); err != nil {
		return err
	}
	dsn, as, err := f.client(f.DSN)
	if err != nil {
		return err
	}
	env := f.Programs.environment()
	t := transaction{
		begin: fmt.Sprintf("BEGIN;\nSELECT pg_catalog.pg_advisory_xact_lock(%d);\n", loadLock(namespace)),
		end:   marking(namespace, mark) + ";\nCOMMIT;\n",
		older: f.Major < 17, as: as,
	}
	return t.load(command(ctx, program, env, "--schema="+namespace, "--strict-names", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--file=-"),
		command(ctx, psql, env, "--dbname="+dsn, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password"), dump)
}

// makeNamespace makes a schema that is missing, and refuses one that is not the
// current schema of our role, which would not find our tables in it. IF NOT EXISTS
// would need the right to make a schema even where it exists.
func (f CustomerServer) makeNamespace(ctx context.Context, namespace string) error {
	conn, err := pgx.Connect(ctx, f.DSN)
	if err != nil {
		return fmt.Errorf("reaching the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := pgx.Identifier{namespace}.Sanitize()
	var there bool
	err = conn.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", name).Scan(&there)
	if err == nil && !there {
		_, err = conn.Exec(ctx, "CREATE SCHEMA "+name)
	}
	var current *string
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT current_schema()").Scan(&current)
	}
	if err != nil {
		return fmt.Errorf("making the schema %s: %w", name, err)
	}
	if current == nil || *current != namespace {
		return fault.New(fault.Preflight, "run there: ALTER ROLE ... SET search_path = "+name+", for the role of the credential database-dsn",
			"the tables of the set are in the schema %s, and whoever opens your database looks elsewhere", name)
	}
	return nil
}

// load runs a pg_restore that connects by itself.
func load(cmd *exec.Cmd, dump io.Reader) error {
	said, source := &tail{}, &Source{From: dump}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = source, said, said
	if err := cmd.Run(); err != nil {
		// pg_restore cannot tell a source that broke from one that ended.
		return errors.Join(fmt.Errorf("pg_restore: %w: %s", err, lastLines(said.bytes())), source.Err)
	}
	return nil
}

// transaction is the SQL around a dump. pg_restore alone could not mark what it
// loads, and from 17 on it sets what older servers do not know.
type transaction struct {
	begin, end string
	older      bool // than 17 is the server
	as         client
}

// load has pg_restore print SQL for psql. The commit is sent only after pg_restore has
// ended well: psql takes the end of its input, which also comes when this process is
// killed, for the end of the work, and would commit half a dump with
// --single-transaction.
func (t transaction) load(restore, psql *exec.Cmd, dump io.Reader) error {
	// Neither outlives this process. The signal comes when the thread that started
	// them ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, cmd := range []*exec.Cmd{restore, psql} {
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}
	source := &Source{From: dump}
	restore.Stdin = source
	sql, err := start(restore, client{account: t.as.account})
	if err != nil {
		return fmt.Errorf("starting pg_restore: %w", err)
	}
	defer sql.Close()
	said := &tail{}
	psql.Stdout, psql.Stderr = said, said
	in, err := psql.StdinPipe()
	if err != nil {
		return err
	}
	if err := t.as.start(psql); err != nil {
		return fmt.Errorf("starting psql: %w", err)
	}
	err = t.feed(in, sql, source)
	err = errors.Join(err, in.Close(), psql.Wait())
	if err != nil {
		return fmt.Errorf("loading into the database: %w: %s", err, lastLines(said.bytes()))
	}
	return nil
}

// feed writes the transaction, and its end only when the SQL and its source came to
// theirs.
func (t transaction) feed(psql io.Writer, sql io.Reader, source *Source) error {
	sql, err := restricted(sql)
	if err == nil {
		_, err = io.WriteString(psql, t.begin)
	}
	if err != nil {
		return errors.Join(err, source.Err)
	}
	if t.older {
		err = withoutNewSetting(psql, sql)
	} else {
		_, err = io.Copy(psql, sql)
	}
	// pg_restore cannot tell a source that broke from one that ended.
	if err = errors.Join(err, source.Err); err != nil {
		return err
	}
	_, err = io.WriteString(psql, t.end)
	return err
}

// restricted refuses SQL in which psql would run commands of its own, such as \!: a hostile
// server can put them among its rows (CVE-2025-8714). pg_restore forbids them in its first
// lines since August 2025, and psql, of the same package, obeys. An empty input is left to
// whoever knows why.
func restricted(sql io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(sql, 4<<10)
	head, err := r.Peek(4 << 10)
	for line := range bytes.Lines(head) {
		if bytes.HasPrefix(line, []byte(`\restrict `)) {
			return r, nil
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) == 0 {
		return r, nil
	}
	return nil, fault.New(fault.Preflight, "apt update && apt install --only-upgrade 'postgresql*'",
		"pg_restore does not keep psql from running commands that a dump may hold: it is older than PostgreSQL 13.22, 14.19, 15.14, 16.10 and 17.6")
}

// withoutNewSetting copies SQL but for the one statement that older servers do
// not know. It stands among the first lines, before any data.
func withoutNewSetting(to io.Writer, from io.Reader) error {
	r := bufio.NewReaderSize(from, 1<<20)
	for range 100 {
		line, err := r.ReadBytes('\n')
		if !bytes.HasPrefix(line, []byte("SET transaction_timeout")) {
			if _, err := to.Write(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	_, err := io.Copy(to, r)
	return err
}
