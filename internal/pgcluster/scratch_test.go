package pgcluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
)

const endOfRecovery = `2026-11-26 11:40:00.001 UTC startup 00000 LOG:  starting point-in-time recovery to 2027-01-01
2026-11-26 11:40:00.002 UTC client backend 57P03 FATAL:  the database system is starting up
`

func TestALogSaysWhyItsServerEnded(t *testing.T) {
	for _, c := range []struct {
		rule, log, text string
		unreached       bool
	}{
		{"the startup process says that it did not reach the target, with whatever SQLSTATE",
			endOfRecovery + "2026-11-26 11:40:00.003 UTC startup F0000 FATAL:  " + targetNotReached + "\n", targetNotReached, true},
		{"another process only quotes it",
			endOfRecovery + "2026-11-26 11:40:00.003 UTC client backend 42601 FATAL:  " + targetNotReached + "\n", targetNotReached, false},
		{"another error of the startup process is its own",
			endOfRecovery + "2026-11-26 11:40:00.003 UTC startup XX001 PANIC:  could not locate a valid checkpoint record\n", "PANIC", false},
		{"a message that only looks like a prefix within its text is no line of its own",
			endOfRecovery + "\tstartup F0000 FATAL:  " + targetNotReached + "\n", targetNotReached, false},
		{"our own refused connections are left out, and without another error the last lines count",
			endOfRecovery, "point-in-time", false},
		{"details belong to the error",
			"2026-11-26 11:40:00 UTC startup 58P01 FATAL:  first\n2026-11-26 11:40:00 UTC startup 58P01 DETAIL:  second\n2026-11-26 11:40:00 UTC startup 00000 LOG:  third\n", "second", false},
	} {
		got := summarize([]byte(c.log))
		if got.targetNotReached != c.unreached || !strings.Contains(got.text, c.text) {
			t.Errorf("%s: %+v", c.rule, got)
		}
		if c.unreached && strings.Contains(got.text, "starting up") {
			t.Errorf("%s: the text names our own connections: %s", c.rule, got.text)
		}
	}
}

// The message is that of every server that is installed.
func TestARecoveryThatDoesNotReachItsTargetIsTold(t *testing.T) {
	servers, err := New(Options{Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: Exec}).Servers(t.Context())
	if err != nil || len(servers) == 0 {
		t.Fatalf("no PostgreSQL server: %v", err)
	}
	for _, server := range servers {
		s := newScratch(t, server)
		if err := s.Initialize(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		err := s.Start(t.Context(), &RecoveryTarget{Time: time.Now().Add(time.Hour), Command: "false"})
		if !errors.Is(err, ErrTargetNotReached) {
			t.Errorf("PostgreSQL %d: %v", server.Major, err)
		}
	}
}

// newScratch is a scratch server without data, of an account that is not root.
func newScratch(t *testing.T, server Server) *Scratch {
	t.Helper()
	dir, err := os.MkdirTemp("", "scratch") // short: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Scratch{Server: server, DataDir: filepath.Join(dir, "data"), Dir: filepath.Join(dir, "run"), Durable: true}
	for _, path := range []string{s.DataDir, s.Dir} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		return s
	}
	s.Account = &syscall.Credential{Uid: 65534, Gid: 65534}
	if err := durable.ChownTree(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return s
}

// The account of the server owns the directory, and may put a link into it.
func TestRootWritesThroughNoLinkOfTheAccount(t *testing.T) {
	s := newScratch(t, Server{})
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("root's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, s.file("postgresql.conf")); err != nil {
		t.Fatal(err)
	}
	if err := s.configure(nil); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "root's" {
		t.Errorf("the file behind the link: %q, %v", data, err)
	}
	if info, err := os.Lstat(s.file("postgresql.conf")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the settings: %v, %v", info, err)
	}
}
