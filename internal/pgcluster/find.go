package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// The majors that are tested and supported.
const (
	oldest = 15
	newest = 18
)

// Server is an installed PostgreSQL server.
type Server struct {
	Major int
	Bin   string // directory of its programs
}

func (s Server) program(name string) string { return filepath.Join(s.Bin, name) }

var (
	majorName   = regexp.MustCompile(`(?:^|-)([0-9]+)$`)
	versionText = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)
)

// Servers lists the installed servers, newest first, wherever Debian
// (/usr/lib/postgresql/N/bin), the PostgreSQL project's own packages for RHEL
// (/usr/pgsql-N/bin) and RHEL (/usr/bin) put them.
func (c *Cluster) Servers(ctx context.Context) ([]Server, error) {
	var found []Server
	for _, pattern := range []string{"usr/lib/postgresql/*/bin", "usr/pgsql-*/bin"} {
		dirs, err := fs.Glob(c.Root, pattern)
		if err != nil {
			return nil, fmt.Errorf("looking for PostgreSQL: %w", err)
		}
		for _, dir := range dirs {
			name := majorName.FindStringSubmatch(path.Base(path.Dir(dir)))
			if name == nil || !c.complete(dir) {
				continue
			}
			major, err := strconv.Atoi(name[1])
			if err != nil {
				continue // a number that no version has
			}
			found = append(found, Server{major, "/" + dir})
		}
	}
	if c.complete("usr/bin") {
		server := Server{Bin: "/usr/bin"}
		out, err := c.Run(ctx, c.environment(), server.program("postgres"), "--version")
		text := versionText.FindSubmatch(out)
		if err != nil || text == nil {
			return nil, fault.New(fault.Preflight, "run '/usr/bin/postgres --version'",
				"/usr/bin/postgres does not tell its version: %s", lastLines(out))
		}
		if server.Major, err = strconv.Atoi(string(text[1])); err != nil {
			return nil, fmt.Errorf("reading the version of /usr/bin/postgres: %w", err)
		}
		found = append(found, server)
	}
	slices.SortStableFunc(found, func(a, b Server) int { return b.Major - a.Major })
	return found, nil
}

func (c *Cluster) complete(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		if info, err := fs.Stat(c.Root, path.Join(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// Find returns the server for our data: the one of its major if there is data
// already, otherwise the newest one that is supported.
func (c *Cluster) Find(ctx context.Context) (Server, error) {
	servers, err := c.Servers(ctx)
	if err != nil {
		return Server{}, err
	}
	major, err := c.dataMajor()
	if err != nil {
		return Server{}, err
	}
	if major != 0 && (major < oldest || major > newest) {
		return Server{}, fault.New(fault.Preflight, "restore a backup made with a supported version, after: mv "+c.DataDir()+" "+c.DataDir()+".before",
			"the data in %s is of PostgreSQL %d; %d to %d are supported", c.DataDir(), major, oldest, newest)
	}
	for _, s := range servers {
		if s.Major == major || (major == 0 && s.Major >= oldest && s.Major <= newest) {
			return s, nil
		}
	}
	switch {
	case major != 0:
		return Server{}, fault.New(fault.Preflight, c.install(major),
			"the data in %s is of PostgreSQL %d, which is not installed (found: %s)", c.DataDir(), major, majors(servers))
	case len(servers) == 0:
		return Server{}, fault.New(fault.Preflight, c.install(oldest), "no PostgreSQL server is installed; %d to %d will do", oldest, newest)
	default:
		return Server{}, fault.New(fault.Preflight, c.install(oldest),
			"no supported PostgreSQL server is installed: found %s, %d to %d will do", majors(servers), oldest, newest)
	}
}

// MaxVersionFile is the limit of PG_VERSION in bytes, which holds one number.
const MaxVersionFile = 64

// dataMajor is the major of the data, 0 when there is none yet. Root asks too, and the
// directory belongs to the account of the database: what its file holds is not shown.
func (c *Cluster) dataMajor() (int, error) {
	file := filepath.Join(c.DataDir(), "PG_VERSION")
	data, err := durable.ReadBelow(c.StateDir, filepath.Join(filepath.Base(c.DataDir()), "PG_VERSION"), MaxVersionFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, c.notOurs(err, file)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || major <= 0 {
		return 0, fault.New(fault.Preflight, "restore the directory from a backup", "%s does not hold the version of a cluster", file)
	}
	return major, nil
}

// install is the command that brings the server of that major.
func (c *Cluster) install(major int) string {
	if _, err := fs.Stat(c.Root, "usr/bin/dnf"); err == nil {
		return fmt.Sprintf("dnf module enable postgresql:%d && dnf install postgresql-server (or postgresql%[1]d-server of the PostgreSQL project)", major)
	}
	if major == oldest {
		return "apt install postgresql (or postgresql-N of the PostgreSQL project)"
	}
	return fmt.Sprintf("apt install postgresql-%d", major)
}

func majors(servers []Server) string {
	if len(servers) == 0 {
		return "none"
	}
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = strconv.Itoa(s.Major)
	}
	return strings.Join(out, ", ")
}
