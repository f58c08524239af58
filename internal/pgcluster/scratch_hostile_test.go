package pgcluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// hostile is a scratch server whose data somebody has prepared who was superuser once:
// whatever runs of it leaves a line in the file that is returned.
func hostile(t *testing.T) (s *Scratch, traces string) {
	t.Helper()
	s = initialized(t)
	traces = filepath.Join(s.Dir, "traces")
	leave := func(what string) string { return "echo " + what + " >>" + traces }
	s.Durable = true
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM '" + leave("event-trigger") + "'; END $$",
		"CREATE EVENT TRIGGER first ON ddl_command_start EXECUTE FUNCTION on_ddl()",
		"ALTER EVENT TRIGGER first ENABLE ALWAYS",
		"ALTER ROLE postgres SET local_preload_libraries = 'nowhere'",
		"ALTER ROLE postgres SET session_preload_libraries = 'nowhere_at_all'",
		"ALTER DATABASE postgres SET session_preload_libraries = 'nowhere_either'",
		"ALTER DATABASE postgres SET search_path = kept",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if s.Server.Major >= 17 {
		for _, sql := range []string{
			"CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM '" + leave("login") + "'; END $$",
			"CREATE EVENT TRIGGER login ON login EXECUTE FUNCTION on_login()",
		} {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
	}
	if err := errors.Join(conn.Close(t.Context()), s.Stop(), os.RemoveAll(traces)); err != nil {
		t.Fatal(err)
	}
	// As ALTER SYSTEM would write it.
	auto := "archive_mode = 'on'\narchive_command = '" + leave("archive") + "'\nrecovery_end_command = '" + leave("recovery-end") +
		"'\narchive_cleanup_command = '" + leave("cleanup") + "'\nrestore_command = '" + leave("restore") + "; false'\nsession_preload_libraries = 'nowhere_more'\nlisten_addresses = '*'\n"
	f, err := s.create(filepath.Join(s.DataDir, "postgresql.auto.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(auto); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return s, traces
}

// Nothing that a copy brings along as settings or event triggers is run, whether the copy
// is only looked at or is to be used.
func TestNothingOfAHostileCopyRunsByItself(t *testing.T) {
	for _, durable := range []bool{false, true} {
		s, traces := hostile(t)
		s.Durable = durable
		err := s.Start(t.Context(), &RecoveryTarget{Command: "false"})
		if err != nil {
			t.Fatalf("durable %v: %v", durable, err)
		}
		conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
		if err != nil {
			t.Fatalf("durable %v: %v", durable, err)
		}
		var preloaded, archive, path string
		err = conn.QueryRow(t.Context(), "SELECT current_setting('session_preload_libraries'), current_setting('archive_command'), current_setting('search_path')").Scan(&preloaded, &archive, &path)
		if err != nil || preloaded != "" || strings.Contains(archive, "echo") || path != "kept" {
			t.Errorf("durable %v: session_preload_libraries %q, archive_command %q, search_path %q, %v", durable, preloaded, archive, path, err)
		}
		if !durable { // a copy that is to be used stays as it is, and no DDL is run in it
			if said := strings.Join(s.Disarmed, "; "); !strings.Contains(said, "event trigger: first") || !strings.Contains(said, "session_preload_libraries") {
				t.Errorf("what was switched off is not named: %s", said)
			}
			if _, err := conn.Exec(t.Context(), "CREATE TABLE public.made ()"); err != nil {
				t.Error(err)
			}
			var left int
			if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_db_role_setting WHERE setconfig::text LIKE '%preload%'").Scan(&left); err != nil || left != 0 {
				t.Errorf("%d settings of roles are left: %v", left, err)
			}
		}
		if err := errors.Join(conn.Close(context.Background()), s.Stop()); err != nil {
			t.Error(err)
		}
		if ran, err := os.ReadFile(traces); err == nil {
			t.Errorf("durable %v: it ran:\n%s", durable, ran)
		}
		auto, err := os.ReadFile(filepath.Join(s.DataDir, "postgresql.auto.conf"))
		if err != nil || durable != strings.Contains(string(auto), "recovery_end_command") {
			t.Errorf("durable %v: afterwards postgresql.auto.conf is %q, %v", durable, auto, err)
		}
	}
}

// A setting of a role or database must not take the limits away, of which the session's
// own are the only ones that hold.
func TestEveryConnectionToACopyHasLimits(t *testing.T) {
	s := initialized(t)
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range []string{
		"CREATE ROLE bugspark LOGIN", "CREATE DATABASE bugspark OWNER bugspark",
		"ALTER ROLE ALL SET statement_timeout = 0", "ALTER ROLE bugspark SET statement_timeout = 0", "ALTER ROLE bugspark SET lock_timeout = 0",
		"ALTER DATABASE bugspark SET idle_in_transaction_session_timeout = 0",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, dsn := range []string{s.OwnerDSN(), s.DSN(Database)} {
		asked, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		var off []string
		err = asked.QueryRow(t.Context(), `SELECT coalesce(array_agg(name), '{}') FROM pg_settings WHERE setting = '0'
			AND name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')`).Scan(&off)
		if err := errors.Join(err, asked.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if len(off) > 0 {
			t.Errorf("%s: without a limit: %v", dsn, off)
		}
	}
	s.Patience = 100 * time.Millisecond
	asked, err := pgx.Connect(t.Context(), s.OwnerDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close(t.Context())
	if _, err := asked.Exec(t.Context(), "SELECT pg_sleep(60)"); err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("a sleep ended with %v", err)
	}
}
