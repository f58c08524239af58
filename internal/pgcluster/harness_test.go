package pgcluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// The test binary is also the program that units run: tests are started by
// root, PostgreSQL must not be, so each step is a process of another account.
const stepVariable = "PGCLUSTER_TEST_STEP"

// logVariable makes a step print its log.
const logVariable = "PGCLUSTER_TEST_LOG"

func TestMain(m *testing.M) {
	if step, ok := os.LookupEnv(stepVariable); ok {
		if err := takeStep(step); err != nil {
			fmt.Println(strings.Join(append([]string{err.Error()}, fault.Hints(err)...), "\n"))
			os.Exit(fault.Status(err))
		}
		return
	}
	os.Exit(m.Run())
}

func takeStep(step string) error {
	var p place
	if err := json.Unmarshal([]byte(os.Getenv("PGCLUSTER_TEST_PLACE")), &p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := p.cluster()
	switch step {
	case "prepare":
		return c.Prepare(ctx)
	case "run":
		return c.Start(ctx, syscall.Exec)
	case "provision":
		return c.Provision(ctx)
	case "connect":
		conn, err := pgx.Connect(ctx, c.DSN(os.Getenv("PGCLUSTER_TEST_ROLE"), pgcluster.Database))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	return errors.New("no such step")
}

// place is where a test's cluster lives.
type place struct {
	Dir     string
	Account string // whose cluster it is
}

func (p place) cluster() *pgcluster.Cluster {
	current, err := user.Current()
	if err != nil {
		panic(err)
	}
	uid, err := strconv.Atoi(current.Uid)
	if err != nil {
		panic(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv(logVariable) != "" {
		log = slog.New(slog.NewTextHandler(os.Stdout, nil))
	}
	return pgcluster.New(pgcluster.Options{
		StateDir: p.state(), SocketDir: p.socket(), OverrideDir: filepath.Join(p.Dir, "override"),
		SharedBuffersMiB: 64, Pool: 4, Account: pgcluster.Account{UID: uid, Name: current.Username},
		Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: pgcluster.Exec,
		Memory: pgcluster.Memory, Log: log,
	})
}

func (p place) state() string  { return filepath.Join(p.Dir, "state") }
func (p place) data() string   { return filepath.Join(p.state(), "data") }
func (p place) socket() string { return filepath.Join(p.Dir, "run") }

// newPlace makes directories for a cluster that the test's account owns: nobody
// when the tests run as root, else their own.
func newPlace(t *testing.T) place {
	t.Helper()
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); err != nil || len(found) == 0 {
		if _, err := os.Stat("/usr/bin/initdb"); err != nil {
			t.Skip("no PostgreSQL server: apt install postgresql, or dnf install postgresql-server")
		}
	}
	// Not t.TempDir: its name is too long for a socket and its mode is 0700.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := place{Dir: dir, Account: "nobody"}
	if os.Getuid() != 0 {
		current, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		p.Account = current.Username
	}
	for _, path := range []string{p.state(), p.socket()} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(path, idOf(t, p.Account), -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	// go test keeps its binary where no other account can enter.
	// Copied by another process: a file that this one had open for writing may
	// be busy in a child of a test beside us.
	if out, err := exec.Command("cp", os.Args[0], p.binary()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return p
}

func (p place) binary() string { return filepath.Join(p.Dir, "self") }

func idOf(t *testing.T, account string) int {
	t.Helper()
	u, err := user.Lookup(account)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// command is one step as a process of the given account.
func (p place) command(t *testing.T, account, step string, env ...string) *exec.Cmd {
	t.Helper()
	described, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(p.binary())
	cmd.Dir = "/"
	cmd.Env = append(append(os.Environ(), stepVariable+"="+step, "PGCLUSTER_TEST_PLACE="+string(described)), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 && account != "root" {
		id := uint32(idOf(t, account))
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id}
	}
	return cmd
}

// step runs a step of the cluster's account to its end.
func (p place) step(t *testing.T, step string, env ...string) (output string, status int) {
	t.Helper()
	return p.stepAs(t, p.Account, step, env...)
}

func (p place) stepAs(t *testing.T, account, step string, env ...string) (output string, status int) {
	t.Helper()
	out, err := p.command(t, account, step, env...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}

func (p place) must(t *testing.T, step string) {
	t.Helper()
	if out, status := p.step(t, step); status != 0 {
		t.Fatalf("%s: %d %s", step, status, out)
	}
}

// start runs the server and waits for the READY it sends itself. Its process id
// is returned; it is stopped when the test ends.
func (p place) start(t *testing.T) int {
	t.Helper()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(p.Dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	if err := os.Chmod(filepath.Join(p.Dir, "notify"), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := p.command(t, p.Account, "run", "NOTIFY_SOCKET="+filepath.Join(p.Dir, "notify"))
	logFile, err := os.Create(filepath.Join(p.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logFile.Close()
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
		notify.Close()
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGINT)
		<-ended
	})
	buffer := make([]byte, 4096)
	for {
		n, err := notify.Read(buffer)
		if err != nil {
			logged, _ := os.ReadFile(logFile.Name())
			t.Fatalf("the server ended before it was ready: %s", logged)
		}
		if strings.Contains(string(buffer[:n]), "READY=1") {
			return cmd.Process.Pid
		}
	}
}

// query asks one value as a role.
func (p place) query(t *testing.T, role, database, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.cluster().DSN(role, database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var value string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func (p place) exec(t *testing.T, role, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.cluster().DSN(role, pgcluster.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), sql)
	return err
}
