package pgcluster

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Initialize makes an empty cluster where the copy would be, for a logical copy.
func (s *Scratch) Initialize(ctx context.Context) error {
	out, err := s.command(ctx, "initdb", "--pgdata="+s.DataDir, "--username="+Superuser, "--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(out))
	}
	return nil
}

// Load reads what Dump wrote into the running scratch server, for our owner.
func (s *Scratch) Load(ctx context.Context, dump io.Reader, namespace string) error {
	for _, statement := range []struct{ database, sql string }{
		{"postgres", "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '" + Owner + "') THEN CREATE ROLE " + Owner + "; END IF; END $$"},
		{"postgres", "ALTER ROLE " + Owner + " LOGIN"},
		{"postgres", "CREATE DATABASE " + Database + " OWNER " + Owner + " TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C.UTF-8'"},
		{"postgres", "ALTER DATABASE " + Database + " SET search_path = " + pgx.Identifier{namespace}.Sanitize()},
		{Database, "ALTER SCHEMA public OWNER TO " + Owner},
	} {
		conn, err := pgx.Connect(ctx, s.DSN(statement.database))
		if err != nil {
			return fmt.Errorf("opening the scratch server: %w", err)
		}
		_, err = conn.Exec(ctx, statement.sql)
		if closing := conn.Close(context.WithoutCancel(ctx)); err == nil {
			err = closing
		}
		if err != nil {
			return fmt.Errorf("preparing the scratch server: %s: %w", statement.sql, err)
		}
	}
	restore := s.command(ctx, "pg_restore", "--host="+s.Dir, "--username="+Owner, "--dbname="+Database, "--clean", "--if-exists", "--no-owner", "--no-privileges",
		"--single-transaction", "--exit-on-error", "--no-password")
	restore.Env = slices.DeleteFunc(restore.Env, func(v string) bool { return v == s.pgoptions() }) // our owner may not set them
	return load(restore, dump)
}
