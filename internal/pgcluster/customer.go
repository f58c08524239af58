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
	"syscall"

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
	// Account is of the programs that connect; nil, or one that returns nil: that of this
	// process.
	Account func(dsn string) (*syscall.Credential, error)
}

// client is how programs connect by a connection string, and the string for their command
// line.
func (f CustomerServer) client(dsn string) (shown string, as client, err error) {
	if shown, as.password, as.keyPassword, err = hidden(dsn); err == nil && f.Account != nil {
		as.account, err = f.Account(dsn)
	}
	return shown, as, err
}

// OwnFiles tells whether a connection needs the account of the backups: the server knows it
// by its name, or a private key is its own.
func OwnFiles(dsn string) bool {
	c, err := pgconn.ParseConfig(dsn)
	return err == nil && strings.HasPrefix(c.Host, "/") || strings.Contains(dsn, "sslkey")
}

// Dump starts pg_dump of our schema; see Cluster.Dump.
func (f CustomerServer) Dump(ctx context.Context) (io.ReadCloser, error) {
	program, err := f.program("pg_dump")
	if err != nil {
		return nil, err
	}
	dsn, as, err := f.client(f.DSN)
	if err != nil {
		return nil, err
	}
	return start(command(ctx, program, f.Programs.environment(), append(customerDump(f.Namespace), "--dbname="+dsn)...), as)
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
			if major, err := strconv.Atoi(digits[1]); err == nil && major >= f.Major && (best == 0 || major < best) {
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

var (
	keywordPassword    = regexp.MustCompile(`\b(?:password|passfile)\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)
	keywordEscape      = regexp.MustCompile(`\\(.)`)
	keywordKeyPassword = regexp.MustCompile(`\bsslpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)
)

// hidden takes the password, and that of a private key, out of a connection string, because
// everybody on the machine can read command lines; see client.
func hidden(dsn string) (shown, password, keyPassword string, err error) {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return "", "", "", fmt.Errorf("reading the connection string: %w", err)
	}
	if u, err := url.Parse(dsn); err == nil && slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) {
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
		q := u.Query()
		q.Del("password")
		q.Del("passfile") // its content is the password
		keyPassword = q.Get("sslpassword")
		q.Del("sslpassword")
		for name := range q { // what only pgx knows
			if strings.HasPrefix(name, "pool_") || strings.HasPrefix(name, "default_query_") || strings.HasSuffix(name, "_cache_capacity") {
				q.Del(name)
			}
		}
		u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq takes a plus for itself
		return u.String(), c.Password, keyPassword, nil
	}
	if found := keywordKeyPassword.FindStringSubmatch(dsn); found != nil {
		keyPassword = found[1]
		if inside, quoted := strings.CutPrefix(keyPassword, "'"); quoted {
			keyPassword = keywordEscape.ReplaceAllString(strings.TrimSuffix(inside, "'"), "$1")
		}
	}
	return strings.TrimSpace(keywordPassword.ReplaceAllString(keywordKeyPassword.ReplaceAllString(dsn, ""), "")), c.Password, keyPassword, nil
}
