package pgcluster

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// tell prints who it is, what it was told, and the password.
const tell = `id -u; tr '\0' '\n' </proc/self/environ; cat "$PGPASSFILE"; test -t 0 && echo terminal; ls -ln $(readlink -f /proc/self/fd/3 2>/dev/null) /proc/self/fd/3 2>/dev/null | head -1`

// The password is in neither the environment nor the arguments, and the program has no
// rights of root's.
func TestAProgramGetsThePasswordInAFileWithoutAName(t *testing.T) {
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "pg_dump")
	if err := errors.Join(os.WriteFile(program, []byte("#!/bin/sh\n"+tell), 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"postgres://me:se%3Acr%5Cet@db.test/bugs?sslmode=require&pool_max_conns=3", `host=db.test user=me password='se:cr\\et' dbname=bugs`} {
		f := CustomerServer{DSN: dsn}
		want := "0"
		if os.Geteuid() == 0 {
			want = "65534"
			f.Account = func(string) (*syscall.Credential, error) { return &syscall.Credential{Uid: 65534, Gid: 65534}, nil }
		}
		shown, as, err := f.client(f.DSN)
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		cmd := exec.Command(program, "--dbname="+shown)
		cmd.Env, cmd.Stdout, cmd.Stderr = []string{"PATH=" + os.Getenv("PATH")}, &said, &said
		if err := errors.Join(as.start(cmd), cmd.Wait()); err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
		text := said.String()
		if os.Geteuid() == 0 && !strings.HasPrefix(text, want+"\n") {
			t.Errorf("it ran as %s", text)
		}
		if !strings.Contains(text, `*:*:*:*:se\:cr\\et`) {
			t.Errorf("it does not find the password: %s", text)
		}
		if strings.Contains(text, "PGPASSWORD") || strings.Contains(shown, "cr") && strings.Contains(shown, "se") && strings.Contains(shown, "et@") {
			t.Errorf("the password shows: %s, %s", shown, text)
		}
	}
}

// Who is known to the server by the account's name, or by a key of the account's, must
// connect as that account.
func TestWhichConnectionsNeedTheAccountOfTheBackups(t *testing.T) {
	for dsn, want := range map[string]bool{
		"host=/var/run/postgresql dbname=bugs":                     true,
		"postgres:///bugs?host=/var/run/postgresql":                true,
		"postgres://me@db.test/bugs?sslmode=verify-full&sslkey=/x": true,
		"postgres://me:secret@db.test/bugs":                        false,
	} {
		if got := OwnFiles(dsn); got != want {
			t.Errorf("%s: %v", dsn, got)
		}
	}
}

// The programs of PostgreSQL take the password from there.
func TestARealServerTakesThePassword(t *testing.T) {
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
	for _, sql := range []string{`CREATE ROLE customer LOGIN PASSWORD 'se:cr\et'`, `CREATE SCHEMA bugs AUTHORIZATION customer`, `CREATE TABLE bugs.t AS SELECT 1 AS n`, `ALTER TABLE bugs.t OWNER TO customer`} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.file("pg_hba.conf"), []byte("local all postgres trust\nlocal all all scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	// In a connection string a backslash is doubled.
	for password, want := range map[string]bool{`se:cr\\et`: true, "wrong": false} {
		f := CustomerServer{DSN: "host=" + s.Dir + " user=customer dbname=postgres password='" + password + "'", Major: s.Server.Major, Namespace: "bugs",
			Programs: New(Options{Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: Exec}), Account: func(string) (*syscall.Credential, error) { return s.Account, nil }}
		dump, err := f.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, dump)
		if (err == nil) != want {
			t.Errorf("with %q: %v", password, err)
		}
		dump.Close()
	}
}

// That of a private key comes in a file of services.
func TestThePasswordOfAPrivateKeyIsHiddenAsWell(t *testing.T) {
	for _, dsn := range []string{"postgres://me@db.test/bugs?application_name=a%20b&sslpassword=key%27s", `host=db.test sslpassword = 'key\'s' user=me`} {
		shown, as, err := CustomerServer{DSN: dsn}.client(dsn)
		if err != nil || as.keyPassword != "key's" || strings.Contains(shown, "key") || strings.Contains(shown, "+") {
			t.Errorf("%q: %q shown, %q, %v", dsn, shown, as.keyPassword, err)
		}
		var said bytes.Buffer
		cmd := exec.Command("sh", "-c", `cat "$PGSERVICEFILE"; echo $PGSERVICE`)
		cmd.Env, cmd.Stdout = []string{"PATH=" + os.Getenv("PATH")}, &said
		if err := errors.Join(as.start(cmd), cmd.Wait()); err != nil || said.String() != "[bugspark-postgres]\nsslpassword=key's\nbugspark-postgres\n" {
			t.Errorf("%q, %v", said.String(), err)
		}
	}
}
