package pgcluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/fault"
)

// Load reads what Dump wrote of a schema, in one transaction or not at all.
// It replaces our tables. The schema itself, which may belong to another role, only
// has to exist.
func (f CustomerServer) Load(ctx context.Context, dump io.Reader, namespace string) error {
	program, major, err := f.newer("pg_restore")
	if err != nil {
		return err
	}
	if err := f.makeNamespace(ctx, namespace); err != nil {
		return err
	}
	dsn, env, err := hidden(f.DSN)
	if err != nil {
		return err
	}
	env = append(f.Programs.environment(), env...)
	what := []string{"--schema=" + namespace, "--strict-names", "--clean", "--if-exists", "--no-owner", "--no-privileges"}
	if f.Major < 17 && major >= 17 {
		psql, err := f.program("psql")
		if err != nil {
			return err
		}
		return loadOlder(command(ctx, program, env, append(what, "--file=-")...),
			command(ctx, psql, env, "--dbname="+dsn, "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--no-password"), dump)
	}
	return load(command(ctx, program, env, append(what, "--dbname="+dsn, "--single-transaction", "--exit-on-error", "--no-password")...), dump)
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
		return fault.New(fault.Preflight, "there: ALTER ROLE ... SET search_path = "+name+", for the role of the credential database-dsn",
			"the tables of the set are in the schema %s, and whoever opens your database looks elsewhere", name)
	}
	return nil
}

// load runs a pg_restore that connects by itself.
func load(cmd *exec.Cmd, dump io.Reader) error {
	said, source := &tail{}, &faithful{from: dump}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = source, said, said
	if err := cmd.Run(); err != nil {
		// pg_restore cannot tell a source that broke from one that ended.
		return errors.Join(fmt.Errorf("pg_restore: %w: %s", err, lastLines(said.bytes())), source.err)
	}
	return nil
}

// loadOlder has pg_restore print SQL for psql, because from 17 on pg_restore sets
// what older servers do not know.
func loadOlder(restore, psql *exec.Cmd, dump io.Reader) error {
	source := &faithful{from: dump}
	restore.Stdin = source
	sql, err := start(restore)
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
	if err := psql.Start(); err != nil {
		return fmt.Errorf("starting psql: %w", err)
	}
	broken := withoutNewSetting(in, sql)
	if broken != nil {
		// The end of its input would have psql commit what came until then.
		_ = psql.Process.Kill() // it may have ended, which is what broke it
	}
	err = errors.Join(broken, in.Close(), psql.Wait(), source.err)
	if err != nil {
		return fmt.Errorf("loading into a server older than pg_restore: %w: %s", err, lastLines(said.bytes()))
	}
	return nil
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

// faithful keeps the error with which a source broke.
type faithful struct {
	from io.Reader
	err  error
}

func (f *faithful) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}
