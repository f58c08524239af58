package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/tracker/password"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

// console runs commands against one database, as root's shell would.
type console struct {
	t   *testing.T
	env map[string]string
}

func newConsole(t *testing.T, db postgrestest.Database) console {
	t.Helper()
	dir := t.TempDir()
	dsn := fmt.Sprintf("host=%s port=5432 user=bugspark dbname=%s sslmode=disable\n", db.Host, db.Name)
	if err := os.Mkdir(filepath.Join(dir, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "credentials", "database-dsn"), []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	return console{t, map[string]string{"BUGSPARK_CONFIG_DIR": dir, "BUGSPARK_DATABASE_MODE": "external", "BUGSPARK_SERVER_NAME": "bugs.test"}}
}

// run returns the exit status and what was printed.
func (c console) run(stdin string, args ...string) (status int, stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	status = Run(c.t.Context(), Env{
		Args:   args,
		Lookup: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok },
		Stdin:  strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
	})
	return status, out.String(), errs.String()
}

func TestUserAndMigrate(t *testing.T) {
	t.Parallel()
	server := postgrestest.StartServer(t)
	db := server.Database()
	c := newConsole(t, db)

	for _, tc := range []struct {
		name, stdin string
		args        []string
		status      int
		want        string
	}{
		{"no address", "", []string{"user", "create", "--name", "A"}, 2, "is no address"},
		{"an address of two lines", "", []string{"user", "create", "--name", "A", "--email", "a@b\nc"}, 2, "is no address"},
		{"no name", "", []string{"user", "create", "--email", "a@b.org"}, 2, "a name has 1 to 255 characters"},
		{"a short password", "short\n", []string{"user", "create", "--email", "a@b.org", "--name", "A", "--password-file", "-"}, 2, "at least 8 characters"},
		{"a missing file", "", []string{"user", "create", "--email", "a@b.org", "--name", "A", "--password-file", "/nowhere"}, 2, "no such file"},
		{"nobody to reset", "", []string{"user", "reset-password", "--email", "a@b.org"}, 1, "bugspark user create --email a@b.org"},
		{"an unknown flag", "", []string{"migrate", "up", "--force"}, 2, "unknown flag"},
	} {
		if status, out, errs := c.run(tc.stdin, tc.args...); status != tc.status || !strings.Contains(errs, tc.want) || out != "" {
			t.Errorf("%s: status %d, %q, %q", tc.name, status, out, errs)
		}
	}

	status, out, errs := c.run("a good password\n", "user", "create", "--email", "Ada@Example.org", "--name", "Ada", "--superadmin", "--password-file", "-")
	if status != 0 || out != "made ada@example.org\n" {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	store := db.Open(t)
	a, err := store.AccountByEmail(t.Context(), "ada@example.org")
	if err != nil || !a.IsSuperadmin || a.MustChangePassword || !password.Verify(a.PasswordHash, "a good password") {
		t.Errorf("%+v, %v", a, err)
	}
	if status, _, errs := c.run("", "user", "create", "--email", "ada@example.org", "--name", "Ada"); status != 1 || !strings.Contains(errs, "next: bugspark user reset-password --email ada@example.org") {
		t.Errorf("%d %q", status, errs)
	}
	if status, _, errs := c.run("", "user", "disable", "--email", "ada@example.org"); status != 1 || !strings.Contains(errs, "ada@example.org is the last administrator") || !strings.Contains(errs, "next: bugspark user create --superadmin") {
		t.Errorf("%d %q", status, errs)
	}
	status, out, errs = c.run("", "user", "reset-password", "--email", "ADA@example.org", "--json")
	var result userResult
	if err := json.Unmarshal([]byte(out), &result); status != 0 || err != nil || result.Email != "ada@example.org" {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	a, err = store.AccountByEmail(t.Context(), "ada@example.org")
	if err != nil || !a.MustChangePassword || !password.Verify(a.PasswordHash, result.OneTimePassword) {
		t.Errorf("%+v, %v", a, err)
	}

	if status, out, _ := c.run("", "migrate", "up"); status != 0 || out != "nothing to apply\n" {
		t.Errorf("%d %q", status, out)
	}
	if status, out, _ := c.run("", "migrate", "status", "--json"); status != 0 || !strings.Contains(out, `"pending":[]`) {
		t.Errorf("%d %q", status, out)
	}
	if _, err := db.Connect(t).Exec(t.Context(), `UPDATE schema_migrations SET version = 99`); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := c.run("", "migrate", "status"); status != 1 || !strings.Contains(errs, "next: install the newer version") {
		t.Errorf("%d %q", status, errs)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := c.run("", "migrate", "status"); status != 1 || !strings.Contains(errs, "the database does not answer") || !strings.Contains(errs, "next: check the credential") {
		t.Errorf("%d %q", status, errs)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnEmptyConnectionStringIsExplained(t *testing.T) {
	t.Parallel()
	c := newConsole(t, postgrestest.Database{})
	if err := os.WriteFile(filepath.Join(c.env["BUGSPARK_CONFIG_DIR"], "credentials", "database-dsn"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := c.run("", "migrate", "up"); status != 3 || !strings.Contains(errs, "next: write the connection string into") {
		t.Errorf("%d %q", status, errs)
	}
}
