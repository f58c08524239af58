package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func TestMain(m *testing.M) {
	if socket, ok := os.LookupEnv(fetchVariable); ok {
		os.Exit(fetch(socket))
	}
	if dir, ok := os.LookupEnv(workerVariable); ok {
		os.Exit(work(dir))
	}
	if dsn, ok := os.LookupEnv(loadVariable); ok {
		os.Exit(loadInput(dsn))
	}
	postgrestest.Main(m)
}

// site is a real server, a real object store and a target.
type site struct {
	host    string // socket directory, which is also the cluster's state directory
	server  *postgrestest.Server
	objects objectstore.Store
	target  repository.Options
}

func newSite(t *testing.T) *site {
	t.Helper()
	server := postgrestest.StartServer(t)
	db := server.Database()
	s := &site{host: db.Host, server: server}
	s.sql(t, "postgres", "CREATE ROLE bugspark_backup LOGIN REPLICATION")
	s.sql(t, "postgres", "GRANT pg_read_all_data TO bugspark_backup")
	s.sql(t, "postgres", "CREATE DATABASE bugspark TEMPLATE "+db.Name)
	s.sql(t, "bugspark", "CREATE TABLE acknowledged (id int PRIMARY KEY, key text)")
	objects, err := filesystem.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.objects = objects
	s.target = repository.Options{Target: target.Directory(t.TempDir()), Cache: t.TempDir(), Password: "the key of the backups", Log: slog.New(slog.DiscardHandler)}
	if err := repository.Create(t.Context(), s.target); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) cluster() backup.Cluster {
	return backup.Cluster{Product: postgres.Inventory{}, Cluster: pgcluster.New(pgcluster.Options{
		StateDir: s.host, SocketDir: s.host, Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: pgcluster.Exec, Log: slog.New(slog.DiscardHandler),
	})}
}

func (s *site) open(t *testing.T) *repository.Repository {
	t.Helper()
	r, err := repository.Open(t.Context(), s.target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.WithoutCancel(t.Context())) })
	return r
}

func (s *site) sources() backup.Sources {
	return backup.Sources{
		Database: s.cluster(), Objects: s.objects, Version: "test", Host: "bugs.test", Now: time.Now,
		Files: map[string][]byte{"credentials/secret-key": []byte("thirty-two bytes of secret")},
	}
}

func connect(t *testing.T, host, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("host=%s user=postgres dbname=%s", host, database))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (s *site) sql(t *testing.T, database, statement string) {
	t.Helper()
	conn := connect(t, s.host, database)
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// submit does what the product does: the object first, then the row.
func (s *site) submit(ctx context.Context, conn *pgx.Conn, id int) error {
	key := fmt.Sprintf("owner/project-%d/%d.png", id%3, id)
	data := bytes.Repeat([]byte(strconv.Itoa(id)+" "), 500)
	if err := s.objects.Put(ctx, key, "image/png", bytes.NewReader(data), int64(len(data))); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "INSERT INTO acknowledged VALUES ($1, $2)", id, key)
	return err
}

// shared is a directory that the server's account may enter.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs a server on a restored directory.
func start(t *testing.T, data string) (host string) {
	t.Helper()
	host, err := os.MkdirTemp("", "rs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(host) })
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if err != nil || len(found) == 0 {
		t.Fatalf("no pg_ctl: %v", err)
	}
	pgctl := func(args ...string) *exec.Cmd {
		cmd := exec.Command(found[len(found)-1], append([]string{"-D", data, "-w", "-s"}, args...)...)
		cmd.Dir = "/"
		if os.Getuid() == 0 {
			nobody, err := user.Lookup("nobody")
			if err != nil {
				t.Fatal(err)
			}
			uid, err := strconv.Atoi(nobody.Uid)
			if err != nil {
				t.Fatal(err)
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		}
		return cmd
	}
	if os.Getuid() == 0 {
		if err := os.Chmod(filepath.Dir(data), 0o711); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{data, host} {
			if out, err := exec.Command("chown", "-R", "nobody", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
	}
	log := filepath.Join(host, "log")
	if out, err := pgctl("-l", log, "-o", "-k "+host+" -c listen_addresses=", "start").CombinedOutput(); err != nil {
		text, _ := os.ReadFile(log)
		t.Fatalf("starting the restored cluster: %v %s\n%s", err, out, text)
	}
	t.Cleanup(func() { pgctl("-m", "immediate", "stop").Run() })
	return host
}

// TestASetTakenUnderLoadIsConsistent restores what was saved while reports came
// in: every row has its picture, and everything that was acknowledged before
// the backup began is there.
func TestASetTakenUnderLoadIsConsistent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	conn := connect(t, s.host, "bugspark")
	defer conn.Close(context.WithoutCancel(t.Context()))
	for id := range 200 {
		if err := s.submit(t.Context(), conn, id); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan int)
	go func() {
		id := 200
		for ; s.submit(ctx, conn, id) == nil; id++ {
		}
		done <- id
	}()
	r := s.open(t)
	parts := map[string]bool{}
	id, d, err := backup.Create(t.Context(), r, s.sources(), func(p backup.Progress) { parts[p.Part] = true })
	stop()
	sent := <-done
	if err != nil {
		t.Fatal(err)
	}
	if !parts["database"] || !parts["objects"] || d.Database.Stop == "" || d.Database.SystemIdentifier == "" || d.Objects.Count < 200 || d.Files != 1 {
		t.Errorf("progress %v, document %+v", parts, d)
	}
	into := filepath.Join(shared(t), "restored")
	plan, err := backup.Prepare(t.Context(), r, id, into, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := backup.Restore(t.Context(), r, plan, func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	if secret, err := os.ReadFile(filepath.Join(into, "config", "credentials", "secret-key")); err != nil || string(secret) != "thirty-two bytes of secret" {
		t.Errorf("the secret came back as %q %v", secret, err)
	}
	restored := connect(t, start(t, filepath.Join(into, "database")), "bugspark")
	defer restored.Close(context.WithoutCancel(t.Context()))
	rows, err := restored.Query(t.Context(), "SELECT id, key FROM acknowledged")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for rows.Next() {
		var id int
		var key string
		if err := rows.Scan(&id, &key); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(into, "objects", key)); err != nil || !bytes.Equal(data, bytes.Repeat([]byte(strconv.Itoa(id)+" "), 500)) {
			t.Errorf("row %d is there without its object: %v", id, err)
		}
		count++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d rows were in the set, %d objects", count, sent, d.Objects.Count)
	if count < 200 {
		t.Errorf("only %d of 200 rows that were there before", count)
	}
}

// vanishing is a store whose object goes between the listing and its reading.
type vanishing struct{ objectstore.Store }

func (vanishing) Get(context.Context, string) (io.ReadCloser, objectstore.Object, error) {
	return nil, objectstore.Object{}, objectstore.ErrNotFound
}

func TestAPartThatFailsFailsTheSet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	conn := connect(t, s.host, "bugspark")
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := s.submit(t.Context(), conn, 1); err != nil {
		t.Fatal(err)
	}
	r := s.open(t)
	for name, hurt := range map[string]func(*backup.Sources){
		"an object that vanished": func(from *backup.Sources) { from.Objects = vanishing{s.objects} },
		"no database": func(from *backup.Sources) {
			gone := s.cluster()
			gone.SocketDir = "/nowhere"
			from.Database = gone
		},
	} {
		from := s.sources()
		hurt(&from)
		if _, _, err := backup.Create(t.Context(), r, from, func(backup.Progress) {}); err == nil {
			t.Errorf("%s: a set was saved", name)
		}
	}
	if sets, err := r.Sets(t.Context()); err != nil || len(sets) != 0 {
		t.Errorf("sets %+v %v", sets, err)
	}
}

func TestARestoreNeverWritesOverAnything(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.open(t)
	id, _, err := backup.Create(t.Context(), r, s.sources(), func(backup.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Prepare(t.Context(), r, id, full, ""); err == nil {
		t.Error("a directory with files was accepted")
	}
	if _, err := backup.Prepare(t.Context(), r, "nonsense", t.TempDir(), ""); !errors.Is(err, repository.ErrNoSet) {
		t.Errorf("a set that is not there: %v", err)
	}
}
