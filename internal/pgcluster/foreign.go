package pgcluster

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// Foreign is a customer's PostgreSQL server. Of it we have no more than a
// connection string, so what is saved of it is logical.
type Foreign struct {
	DSN       string
	Major     int    // of the server
	Namespace string // schema that holds our tables
	Programs  *Cluster
}

// Dump starts pg_dump of our schema; see Cluster.Dump.
func (f Foreign) Dump(ctx context.Context) (io.ReadCloser, error) {
	program, err := f.program("pg_dump")
	if err != nil {
		return nil, err
	}
	dsn, env, err := hidden(f.DSN)
	if err != nil {
		return nil, err
	}
	return start(ctx, program, append(f.Programs.environment(), env...), "--dbname="+dsn,
		"--format=custom", "--compress=0", "--schema="+quotedPattern(f.Namespace), "--no-owner", "--no-privileges", "--no-password")
}

// Load reads what Dump wrote, in one transaction or not at all. Tables of ours
// that are there are replaced; anything else in the schema makes it fail.
func (f Foreign) Load(ctx context.Context, dump io.Reader) error {
	program, err := f.program("pg_restore")
	if err != nil {
		return err
	}
	dsn, env, err := hidden(f.DSN)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "--dbname="+dsn, "--clean", "--if-exists", "--no-owner", "--no-privileges",
		"--single-transaction", "--exit-on-error", "--no-password")
	cmd.Env, cmd.Dir = append(f.Programs.environment(), env...), "/"
	return load(cmd, dump)
}

func load(cmd *exec.Cmd, dump io.Reader) error {
	said := &tail{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = dump, said, said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pg_restore: %w: %s", err, lastLines(said.bytes()))
	}
	return nil
}

// quotedPattern is a name for pg_dump, to which letters like * mean others.
func quotedPattern(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// program finds a client program of at least the server's version; a server
// need not be installed beside it.
func (f Foreign) program(name string) (string, error) {
	best, found := 0, ""
	for _, pattern := range []string{"usr/lib/postgresql/*/bin/", "usr/pgsql-*/bin/"} {
		files, err := fs.Glob(f.Programs.Root, pattern+name)
		if err != nil {
			return "", err
		}
		for _, file := range files {
			digits := majorName.FindStringSubmatch(path.Base(path.Dir(path.Dir(file))))
			if digits == nil {
				continue
			}
			if major, err := strconv.Atoi(digits[1]); err == nil && major >= f.Major && major > best {
				best, found = major, "/"+file
			}
		}
	}
	if found == "" {
		return "", fault.New(fault.Preflight, fmt.Sprintf("apt install postgresql-client-%d (or a newer one, of the PostgreSQL project)", f.Major),
			"the database server is PostgreSQL %d, and no %s of that version or a newer one is installed", f.Major, name)
	}
	return found, nil
}

var keywordPassword = regexp.MustCompile(`\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

// hidden takes the password out of a connection string, because everybody on the
// machine can read command lines, and puts it into the environment.
func hidden(dsn string) (string, []string, error) {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return "", nil, fmt.Errorf("reading the connection string: %w", err)
	}
	var env []string
	if c.Password != "" {
		env = append(env, "PGPASSWORD="+c.Password)
	}
	if u, err := url.Parse(dsn); err == nil && slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) {
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
		q := u.Query()
		q.Del("password")
		for name := range q { // what only pgx knows
			if strings.HasPrefix(name, "pool_") || strings.HasPrefix(name, "default_query_") || strings.HasSuffix(name, "_cache_capacity") {
				q.Del(name)
			}
		}
		u.RawQuery = q.Encode()
		return u.String(), env, nil
	}
	return strings.TrimSpace(keywordPassword.ReplaceAllString(dsn, "")), env, nil
}
