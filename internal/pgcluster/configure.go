package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

const ours = "# Written by 'bugspark postgres prepare' at every start; changes are lost.\n"

// configure writes the three configuration files and lets the server read them, so
// that a mistake in the administrator's overrides is found before the start.
func (c *Cluster) configure(ctx context.Context, server Server) error {
	memory, err := c.Memory()
	if err != nil {
		return fmt.Errorf("asking how much memory there is: %w", err)
	}
	disk, err := durable.SpaceAt(c.StateDir)
	if err != nil {
		return err
	}
	settings := tune(machine{
		major: server.Major, memory: memory, disk: disk.Size, lz4: c.accepts(ctx, server, "wal_compression=lz4"),
		sharedMiB: c.SharedBuffersMiB, pool: c.Pool,
	})
	overrides := ""
	// A missing include_dir is an error to PostgreSQL, an empty one is not.
	if info, err := os.Stat(c.OverrideDir); err == nil && info.IsDir() {
		overrides = "\n# Yours. The last file wins, except for the socket and the absence of TCP.\ninclude_dir = " + quote(c.OverrideDir) + "\n"
	}
	for name, content := range map[string]string{
		"postgresql.conf": ours + "# Put *.conf files of yours into " + c.OverrideDir + " instead.\n\n" + settings.String() + overrides,
		"pg_hba.conf":     ours + "\n# Unix socket only; the ident map names the accounts.\nlocal all all peer map=bugspark\nlocal replication bugspark_backup peer map=bugspark\n",
		"pg_ident.conf":   ours + c.identMap(),
	} {
		path := filepath.Join(c.DataDir(), name)
		if err := durable.WriteFile(path, []byte(content), 0o600); err != nil {
			return c.notOurs(err, path)
		}
	}
	return c.verify(ctx, server)
}

// verify has the server read its configuration without starting.
func (c *Cluster) verify(ctx context.Context, server Server) error {
	out, err := c.Run(ctx, c.environment(), server.program("postgres"), append(c.arguments(), "-C", "config_file")...)
	if err == nil {
		return nil
	}
	hint := "read the message"
	if files, _ := fs.Glob(os.DirFS(c.OverrideDir), "*.conf"); len(files) > 0 {
		hint = "look through " + c.OverrideDir + ": " + strings.Join(files, ", ")
	}
	return fault.Wrap(fault.Preflight, err, hint, "PostgreSQL refuses its configuration: %s", lastLines(out))
}

// accepts tells whether the server was built with what a setting needs.
func (c *Cluster) accepts(ctx context.Context, server Server, setting string) bool {
	_, err := c.Run(ctx, c.environment(), server.program("postgres"),
		"-D", c.DataDir(), "-c", "config_file=/dev/null", "-c", setting, "-C", "config_file")
	return err == nil
}

// identMap says which account may be which role.
func (c *Cluster) identMap() string {
	type entry struct{ account, role string }
	entries := []entry{
		{service, Superuser},
		{"bugspark-migrate", Owner},
		{"bugspark-api", Writer},
		{"bugspark-backup", Backup},
		{"root", Superuser}, {"root", Owner}, {"root", Writer}, {"root", Backup},
	}
	if c.Account.Name != service {
		// The foreground runner and tests have one account for everything.
		entries = append(entries, entry{c.Account.Name, Superuser}, entry{c.Account.Name, Owner}, entry{c.Account.Name, Writer}, entry{c.Account.Name, Backup})
	}
	var b strings.Builder
	b.WriteString("\n# map  account  role\n")
	for _, e := range entries {
		fmt.Fprintf(&b, "bugspark %s %s\n", doubleQuote(e.account), e.role)
	}
	return b.String()
}

// quote makes a string of postgresql.conf.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// doubleQuote makes a name of pg_ident.conf.
func doubleQuote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// prepared tells whether there is a configured cluster.
func (c *Cluster) prepared() error {
	for _, name := range []string{"PG_VERSION", "postgresql.conf", "pg_hba.conf", "pg_ident.conf"} {
		path := filepath.Join(c.DataDir(), name)
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Preflight, "run 'bugspark postgres prepare' first, or start the unit", "there is no prepared database cluster in %s", c.DataDir())
		}
		if err != nil {
			return c.notOurs(err, path)
		}
	}
	return nil
}
