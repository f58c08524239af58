package pgcluster_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

func TestClusterFromNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.must(t, "prepare")
	server := p.start(t)
	for range 2 {
		p.must(t, "provision")
	}

	for sql, want := range map[string]string{
		"SHOW data_checksums":   "on",
		"SHOW listen_addresses": "",
		"SHOW jit":              "off",
		"SHOW wal_level":        "replica",
		"SHOW shared_buffers":   "64MB",
		"SHOW fsync":            "on",
		"SHOW search_path":      "bugspark",
		"SHOW server_encoding":  "UTF8",
		"SELECT datcollate || pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'bugspark'":                         "C.UTF-8bugspark",
		"SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin":                                 "bugspark bugspark_api bugspark_backup postgres",
		"SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper":                                                     "postgres",
		"SELECT count(*)::text FROM pg_authid WHERE rolpassword IS NOT NULL":                                               "0",
		"SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'bugspark'":                                    "bugspark",
		"SELECT has_schema_privilege('bugspark_api', 'public', 'CREATE')::text":                                            "false",
		"SELECT has_schema_privilege('bugspark_api', 'bugspark', 'CREATE')::text":                                          "false",
		"SELECT count(*)::text FROM pg_hba_file_rules WHERE type <> 'local' OR auth_method <> 'peer' OR error IS NOT NULL": "0",
	} {
		if got := p.query(t, pgcluster.Superuser, pgcluster.Database, sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	noTCP(t, server)

	if err := p.exec(t, pgcluster.Owner, "CREATE TABLE t (a int)"); err != nil {
		t.Error(err)
	}
	var refused *pgconn.PgError
	if err := p.exec(t, pgcluster.Writer, "CREATE TABLE u (a int)"); !errors.As(err, &refused) || refused.Code != "42501" {
		t.Errorf("the writer may create tables: %v", err)
	}
	// Everything again on a running server: nothing changes, nothing breaks.
	p.must(t, "prepare")
	if out, status := p.step(t, "provision"); status != 0 {
		t.Error(out)
	}
}

func TestOverridesTuneButDoNotOpen(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	override(t, p, "work_mem = '7MB'\nlisten_addresses = '*'\nunix_socket_directories = '/tmp'\n")
	p.must(t, "prepare")
	server := p.start(t)
	for sql, want := range map[string]string{"SHOW work_mem": "7MB", "SHOW listen_addresses": ""} {
		if got := p.query(t, pgcluster.Superuser, "postgres", sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	noTCP(t, server)
}

func TestBrokenOverrideIsNamed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	override(t, p, "work_memory = '7MB'\n")
	out, status := p.step(t, "prepare")
	if status != 3 || !strings.Contains(out, "work_memory") || !strings.Contains(out, "site.conf") {
		t.Errorf("%d %s", status, out)
	}
}

func override(t *testing.T, p place, text string) {
	t.Helper()
	dir := filepath.Join(p.Dir, "override")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "site.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestIdentMap(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p := newPlace(t)
	p.must(t, "prepare")
	p.start(t)
	p.must(t, "provision")
	// The directory would keep them out already; here the map has to.
	if err := os.Chmod(p.socket(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{pgcluster.Superuser, pgcluster.Owner, pgcluster.Writer} {
		for account, want := range map[string]int{"root": 0, "nobody": 0, "daemon": 1} {
			if out, status := p.stepAs(t, account, "connect", "PGCLUSTER_TEST_ROLE="+role); status != want {
				t.Errorf("%s as role %s: status %d, want %d: %s", account, role, status, want, out)
			} else if want != 0 && !strings.Contains(out, "28000") {
				t.Errorf("%s as role %s failed for another reason: %s", account, role, out)
			}
		}
	}
}

func TestInterruptedInitdb(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	unfinished := p.data() + ".unfinished"
	cmd := p.command(t, p.Account, "prepare")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err := os.Stat(filepath.Join(unfinished, "PG_VERSION")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("initdb did not begin")
		}
		time.Sleep(time.Millisecond)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if _, err := os.Stat(p.data()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("half a cluster stands in its place: %v", err)
	}
	if out, status := p.step(t, "run"); status != 3 || !strings.Contains(out, "no prepared database cluster") {
		t.Errorf("run without a cluster: %d %s", status, out)
	}
	p.must(t, "prepare")
	if _, err := os.Stat(unfinished); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the rest of the interrupted initdb is still there: %v", err)
	}
	p.start(t)
}

// A restore holds the directory while it exchanges the data. A start that comes
// meanwhile waits, and does not fail, which would be told as a crash loop.
func TestAStartWaitsForWhoeverExchangesTheData(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	unlock, err := durable.TryLockDir(p.state())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	cmd := p.command(t, p.Account, "prepare", logVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), "waiting for another process") {
		t.Errorf("it says %q", lines.Text())
	}
	if entries, err := os.ReadDir(p.state()); err != nil || len(entries) > 0 {
		t.Errorf("it has made %v meanwhile (%v)", entries, err)
	}
	unlock()
	rest, err := io.ReadAll(out)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatalf("afterwards: %v: %s", err, rest)
	}
	if _, err := os.Stat(p.data()); err != nil {
		t.Error(err)
	}
}

func TestDataThatIsNoCluster(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if err := os.Mkdir(p.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.data(), "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(p.data(), idOf(t, p.Account), -1); err != nil {
			t.Fatal(err)
		}
	}
	out, status := p.step(t, "prepare")
	if status != 3 || !strings.Contains(out, "not a database cluster and not empty") {
		t.Errorf("%d %s", status, out)
	}
	if _, err := os.Stat(filepath.Join(p.data(), "precious")); err != nil {
		t.Error(err)
	}
}

func TestDataOfAnother(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p := newPlace(t)
	p.must(t, "prepare")
	if err := os.Chown(p.data(), 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"prepare", "run"} {
		out, status := p.step(t, step)
		if status != 3 || !strings.Contains(out, "belongs to account 0") || !strings.Contains(out, "chown -R") {
			t.Errorf("%s: %d %s", step, status, out)
		}
	}
}

func TestRootIsRefused(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p := newPlace(t)
	for _, step := range []string{"prepare", "run"} {
		out, status := p.stepAs(t, "root", step)
		if status != 3 || !strings.Contains(out, "does not run as root") {
			t.Errorf("%s: %d %s", step, status, out)
		}
	}
}

func TestNoRoomForACluster(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p := newPlace(t)
	options := fmt.Sprintf("size=64M,mode=0700,uid=%d", idOf(t, p.Account))
	if err := syscall.Mount("none", p.state(), "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(p.state(), 0); err != nil {
			t.Error(err)
		}
	})
	out, status := p.step(t, "prepare")
	if status != 3 || !strings.Contains(out, "needs 256") || !strings.Contains(out, "df -h") {
		t.Errorf("%d %s", status, out)
	}
	if left, err := os.ReadDir(p.state()); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestProvisionWaitsForTheServer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.must(t, "prepare")
	done := make(chan string, 1)
	cmd := p.command(t, p.Account, "provision")
	go func() {
		out, err := cmd.CombinedOutput()
		done <- fmt.Sprint(err, string(out))
	}()
	p.start(t)
	if got := <-done; got != "<nil>" {
		t.Error(got)
	}
}

func TestUnreachableServerIsExplained(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if err := p.cluster().Check(t.Context()); err == nil {
		t.Error("Check passed without a server")
	}
}

// noTCP looks through the server's sockets for one of TCP or UDP.
func noTCP(t *testing.T, pid int) {
	t.Helper()
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("no files of process %d: %v", pid, err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "socket:[") {
			own[strings.Trim(target, "socket:[]")] = true
		}
	}
	if len(own) == 0 {
		t.Fatal("the server has no socket at all")
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		data, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(data)) {
			if fields := strings.Fields(line); len(fields) > 9 && own[fields[9]] {
				t.Errorf("the server has a %s socket: %s", table, line)
			}
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: this test acts as several accounts")
	}
}
