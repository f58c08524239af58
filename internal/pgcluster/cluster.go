// Package pgcluster runs our own PostgreSQL instance from the distribution's
// binaries: it finds them, makes the cluster, writes its configuration, starts
// the server and provisions the roles and the database.
//
// The distribution's own cluster is left alone. Ours has no password and no TCP
// address: the kernel names the account behind a connection to its unix socket,
// and an ident map says which roles that account may take.
package pgcluster

import (
	"context"
	"io/fs"
	"log/slog"
	"os/exec"
	"path/filepath"
)

// Roles and database of the cluster.
const (
	Superuser = "postgres"
	Owner     = "bugspark"        // owns the database and its schema; migrations
	Writer    = "bugspark_api"    // reads and writes rows
	Backup    = "bugspark_backup" // copies the cluster and reads every row
	Database  = "bugspark"
)

// service is the unit that runs our instance and the account it runs as.
const service = "bugspark-postgres"

// Account is an account of the operating system.
type Account struct {
	UID  int
	Name string
}

// Options of a cluster.
type Options struct {
	StateDir         string // owned by Account; the cluster is its directory data
	SocketDir        string
	OverrideDir      string // *.conf files of the administrator's, if the directory is there
	SharedBuffersMiB int    // 0 means a quarter of memory
	Pool             int    // connections the API keeps
	Account          Account

	Root   fs.FS                       // the root directory, where server binaries are looked for
	Lookup func(string) (string, bool) // the environment
	Memory func() (uint64, error)      // bytes of memory of the machine
	Run    Runner
	Log    *slog.Logger
}

// Runner runs a program to its end and returns what it printed on both streams.
type Runner func(ctx context.Context, env []string, name string, args ...string) ([]byte, error)

// Exec is the Runner of the operating system.
func Exec(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	cmd.Dir = "/" // the account may not be able to enter the caller's directory
	return cmd.CombinedOutput()
}

// Cluster is our PostgreSQL instance.
type Cluster struct{ Options }

// New returns the cluster; nothing is touched.
func New(o Options) *Cluster { return &Cluster{o} }

// DataDir is PostgreSQL's data directory.
func (c *Cluster) DataDir() string { return filepath.Join(c.StateDir, "data") }

// environment is what our PostgreSQL programs see: nothing that names another
// server, and one locale whatever the administrator's is.
func (c *Cluster) environment(inherit ...string) []string {
	env := []string{"LC_ALL=C.UTF-8", "TZ=UTC"}
	for _, name := range append(inherit, "PATH") {
		if value, ok := c.Lookup(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
