package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// Server is one PostgreSQL server in a temporary directory.
type Server struct {
	dir   string // holds the data directory and the socket
	bin   string
	fsync string
	log   bytes.Buffer

	process *os.Process
	exited  chan struct{}
}

// startTimeout is generous: machines that test are busy machines.
const startTimeout = 90 * time.Second

func newServer(ctx context.Context, fsync string) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	// Not $TMPDIR: a socket's path has room for 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "bspg")
	if err != nil {
		return nil, fmt.Errorf("making a directory for PostgreSQL: %w", err)
	}
	s := &Server{dir: dir, bin: bin, fsync: fsync}
	if err := s.prepare(ctx); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepare(ctx context.Context) error {
	if id := account(); id != nil {
		if err := os.Chown(s.dir, int(id.Uid), int(id.Gid)); err != nil {
			return fmt.Errorf("handing PostgreSQL its directory: %w", err)
		}
	}
	initdb := s.command("initdb", "--pgdata", s.data(), "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("running initdb: %w\n%s", err, out)
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	for _, sql := range []string{
		"CREATE ROLE " + owner + " LOGIN",
		"CREATE ROLE " + api + " LOGIN",
		"CREATE DATABASE " + template + " OWNER " + owner,
	} {
		if err := s.admin(ctx, sql); err != nil {
			return err
		}
	}
	store, err := postgres.Open(ctx, s.Database().OwnerOptions())
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = store.Schema().Up(ctx)
	return err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command prepares one of PostgreSQL's programs. The kernel ends it with us,
// however we end.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account(), Setpgid: true}
	return cmd
}

// start runs the server and waits until it answers.
func (s *Server) start(ctx context.Context) error {
	cmd := s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync="+s.fsync,
		"-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "autovacuum_naptime=10min")
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	started, exited := make(chan error), make(chan struct{})
	go func() {
		// The signal of Pdeathsig comes when the thread that started the
		// process ends, so this one stays with it.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // the exit status of a killed server says nothing
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	s.process, s.exited = cmd.Process, exited

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := connect(ctx, s.dir, "postgres", "postgres")
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			return fmt.Errorf("starting PostgreSQL: it ended at once\n%s", s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL: %w", errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends every process of the server with SIGKILL, as a crash would.
func (s *Server) Kill() error {
	// Children have groups of their own, and notice the postmaster's death;
	// waiting for the socket's lock is left to the next start.
	if err := s.process.Kill(); err != nil {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	<-s.exited
	return nil
}

// Start starts a killed server again and waits until it has recovered.
func (s *Server) Start(ctx context.Context) error {
	for {
		err := s.start(ctx)
		// Backends of the killed server may still be leaving.
		if err == nil || !bytes.Contains(s.log.Bytes(), []byte("is still in use")) {
			return err
		}
		s.log.Reset()
	}
}

// admin runs one statement as the superuser.
func (s *Server) admin(ctx context.Context, sql string) error {
	conn, err := connect(ctx, s.dir, "postgres", "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("running %q: %w", sql, err)
	}
	return nil
}

func (s *Server) remove() {
	if s.process != nil {
		s.process.Signal(syscall.SIGQUIT) // at once, and taking its children along
		<-s.exited
	}
	os.RemoveAll(s.dir)
}

func connect(ctx context.Context, host, role, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=5432 user=%s dbname=%s sslmode=disable", host, role, database))
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, config)
}

type notInstalled struct{}

func (*notInstalled) Error() string { return "PostgreSQL's server programs are not installed" }

// findBinaries returns the directory of the newest server.
func findBinaries() (string, error) {
	var dirs []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"} {
		found, _ := filepath.Glob(pattern) // the only error is a bad pattern
		slices.Sort(found)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	dirs = append(dirs, "/usr/bin")
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", &notInstalled{}
}

// account is who runs PostgreSQL when we are root, which it refuses to be.
func account() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}
