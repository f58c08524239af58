package pgcluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// tree is a root directory with the programs of servers in the given places.
func tree(dirs ...string) fstest.MapFS {
	fsys := fstest.MapFS{"usr/bin/psql": {}}
	for _, dir := range dirs {
		fsys[dir+"/postgres"] = &fstest.MapFile{Mode: 0o755}
		fsys[dir+"/initdb"] = &fstest.MapFile{Mode: 0o755}
	}
	return fsys
}

// find looks in a tree, with data of a major ("" for none) and a /usr/bin/postgres
// of a version.
func find(t *testing.T, fsys fstest.MapFS, data, usrBin string) (pgcluster.Server, error) {
	t.Helper()
	state := t.TempDir()
	if data != "" {
		if err := os.Mkdir(filepath.Join(state, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(state, "data", "PG_VERSION"), []byte(data+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pgcluster.New(pgcluster.Options{
		StateDir: state, Root: fsys, Log: slog.New(slog.DiscardHandler),
		Lookup: func(string) (string, bool) { return "", false },
		Run: func(_ context.Context, _ []string, name string, args ...string) ([]byte, error) {
			if got := name + " " + strings.Join(args, " "); got != "/usr/bin/postgres --version" {
				return nil, fmt.Errorf("ran %s", got)
			}
			if usrBin == "" {
				return []byte("postgres: error while loading shared libraries\n"), errors.New("exit status 127")
			}
			return fmt.Appendf(nil, "postgres (PostgreSQL) %s\n", usrBin), nil
		},
	}).Find(t.Context())
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	dnf := func(fsys fstest.MapFS) fstest.MapFS { fsys["usr/bin/dnf"] = &fstest.MapFile{}; return fsys }
	for name, c := range map[string]struct {
		fsys         fstest.MapFS
		data, usrBin string
		says, hint   string
	}{
		"nothing":             {tree(), "", "", "no PostgreSQL server is installed", "apt install postgresql"},
		"nothing on RHEL":     {dnf(tree()), "", "", "no PostgreSQL server is installed", "dnf module enable postgresql:15"},
		"only a client":       {fstest.MapFS{"usr/lib/postgresql/15/bin/psql": {}}, "", "", "no PostgreSQL server is installed", "apt install"},
		"only older":          {tree("usr/lib/postgresql/13/bin", "usr/lib/postgresql/14/bin"), "", "", "found 14, 13, 15 to 18 will do", "apt install"},
		"older of RHEL":       {dnf(tree("usr/bin")), "", "13.18", "found 13", "dnf module enable"},
		"only newer":          {tree("usr/lib/postgresql/19/bin"), "", "", "found 19", "apt install"},
		"major gone":          {tree("usr/lib/postgresql/17/bin"), "15", "", "is of PostgreSQL 15, which is not installed (found: 17)", "apt install"},
		"newer data":          {tree("usr/lib/postgresql/15/bin"), "17", "", "is of PostgreSQL 17, which is not installed", "apt install postgresql-17"},
		"data, no server":     {tree(), "16", "", "(found: none)", "apt install postgresql-16"},
		"data of an old one":  {tree("usr/lib/postgresql/14/bin"), "14", "", "is of PostgreSQL 14; 15 to 18 are supported", "restore a backup"},
		"broken PG_VERSION":   {tree("usr/lib/postgresql/15/bin"), "fifteen", "", "does not hold the version", "restore"},
		"broken /usr/bin":     {tree("usr/bin"), "", "", "does not tell its version", "/usr/bin/postgres --version"},
		"directory of a name": {tree("usr/lib/postgresql/main/bin"), "", "", "no PostgreSQL server is installed", "apt install"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := find(t, c.fsys, c.data, c.usrBin)
			if fault.Status(err) != int(fault.Preflight) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, %v", server, err)
			}
			if hints := strings.Join(fault.Hints(err), " "); !strings.Contains(hints, c.hint) {
				t.Errorf("hint %q, want %q", hints, c.hint)
			}
		})
	}
}

// Root looks for the server of data that belongs to the account of the database.
func TestFindReadsNothingElsewhereForRoot(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("root:$6$secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(version string) error{
		"a link to a file of root's":     func(version string) error { return os.Symlink(outside, version) },
		"a file without an end":          func(version string) error { return os.Symlink("/dev/zero", version) },
		"a FIFO":                         func(version string) error { return unix.Mkfifo(version, 0o600) },
		"a file larger than any version": func(version string) error { return os.WriteFile(version, []byte("15"+strings.Repeat("\n", 64)), 0o600) },
		"a link to a file of the account": func(version string) error {
			return errors.Join(os.WriteFile(version+".real", []byte("root:$6$secret"), 0o600), os.Symlink("PG_VERSION.real", version))
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			version := filepath.Join(state, "data", "PG_VERSION")
			if err := errors.Join(os.Mkdir(filepath.Dir(version), 0o700), plant(version)); err != nil {
				t.Fatal(err)
			}
			c := pgcluster.New(pgcluster.Options{StateDir: state, Root: tree("usr/lib/postgresql/15/bin"), Log: slog.New(slog.DiscardHandler),
				Lookup: func(string) (string, bool) { return "", false }})
			found := make(chan error, 1)
			go func() { _, err := c.Find(t.Context()); found <- err }()
			select {
			case err := <-found:
				if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "root:") {
					t.Errorf("it was read: %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("still reading")
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fsys         fstest.MapFS
		data, usrBin string
		want         pgcluster.Server
	}{
		"Debian":               {tree("usr/lib/postgresql/15/bin"), "", "", pgcluster.Server{Major: 15, Bin: "/usr/lib/postgresql/15/bin"}},
		"newest of several":    {tree("usr/lib/postgresql/15/bin", "usr/lib/postgresql/17/bin"), "", "", pgcluster.Server{Major: 17, Bin: "/usr/lib/postgresql/17/bin"}},
		"newest supported":     {tree("usr/lib/postgresql/16/bin", "usr/lib/postgresql/19/bin"), "", "", pgcluster.Server{Major: 16, Bin: "/usr/lib/postgresql/16/bin"}},
		"data rules":           {tree("usr/lib/postgresql/15/bin", "usr/lib/postgresql/17/bin"), "15", "", pgcluster.Server{Major: 15, Bin: "/usr/lib/postgresql/15/bin"}},
		"RHEL":                 {tree("usr/bin"), "", "16.4", pgcluster.Server{Major: 16, Bin: "/usr/bin"}},
		"the project's RPMs":   {tree("usr/pgsql-18/bin"), "", "", pgcluster.Server{Major: 18, Bin: "/usr/pgsql-18/bin"}},
		"both on RHEL":         {tree("usr/pgsql-17/bin", "usr/bin"), "15", "15.9", pgcluster.Server{Major: 15, Bin: "/usr/bin"}},
		"half a server beside": {fstest.MapFS{"usr/lib/postgresql/17/bin/postgres": {}, "usr/lib/postgresql/15/bin/postgres": {}, "usr/lib/postgresql/15/bin/initdb": {}}, "", "", pgcluster.Server{Major: 15, Bin: "/usr/lib/postgresql/15/bin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := find(t, c.fsys, c.data, c.usrBin); err != nil || got != c.want {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}
