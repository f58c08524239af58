package pgcluster

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bugspark/bugspark/internal/fault"
)

// CustomerServer is a customer's PostgreSQL server. With a role that may replicate,
// the whole server and its WAL can be saved; otherwise only logical copies.
type CustomerServer struct {
	DSN         string
	Replication string // connection string of that role; empty without one
	Major       int    // of the server
	Namespace   string // schema that holds our tables
	Programs    *Cluster
}

// Dump starts pg_dump of our schema; see Cluster.Dump.
func (f CustomerServer) Dump(ctx context.Context) (io.ReadCloser, error) {
	program, err := f.program("pg_dump")
	if err != nil {
		return nil, err
	}
	dsn, env, err := hidden(f.DSN)
	if err != nil {
		return nil, err
	}
	return start(command(ctx, program, append(f.Programs.environment(), env...), append(customerDump(f.Namespace), "--dbname="+dsn)...))
}

// customerDump are the arguments of pg_dump for our schema on a customer's server,
// whose roles are not ours.
func customerDump(namespace string) []string {
	return []string{"--format=custom", "--compress=0", "--schema=" + quotedPattern(namespace), "--no-owner", "--no-privileges", "--no-password"}
}

// quotedPattern is a name as a pattern of pg_dump that matches nothing else.
func quotedPattern(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// program finds the client program of the server's version, or else of the next
// newer one; a server need not be installed beside it.
func (f CustomerServer) program(name string) (string, error) {
	program, _, err := f.newer(name)
	return program, err
}

func (f CustomerServer) newer(name string) (program string, major int, err error) {
	best, found := 0, ""
	for _, pattern := range []string{"usr/lib/postgresql/*/bin/", "usr/pgsql-*/bin/"} {
		files, err := fs.Glob(f.Programs.Root, pattern+name)
		if err != nil {
			return "", 0, err
		}
		for _, file := range files {
			digits := majorName.FindStringSubmatch(path.Base(path.Dir(path.Dir(file))))
			if digits == nil {
				continue
			}
			if major, err := strconv.Atoi(digits[1]); err == nil && major >= f.Major && (best == 0 || major < best) {
				best, found = major, "/"+file
			}
		}
	}
	if found == "" {
		return "", 0, fault.New(fault.Preflight, fmt.Sprintf("apt install postgresql-client-%d (or a newer one, of the PostgreSQL project)", f.Major),
			"the database server is PostgreSQL %d, and no %s of that version or a newer one is installed", f.Major, name)
	}
	return found, best, nil
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
