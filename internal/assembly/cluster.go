package assembly

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Cluster is our own PostgreSQL instance, seen by this process.
func (p *Parts) Cluster() (*pgcluster.Cluster, error) {
	if p.Config.Database.Mode != "managed" {
		return nil, fault.New(fault.Usage, "bugspark apply, which disables its unit",
			"the database is yours (database.mode is %s), there is none to run here", p.Config.Database.Mode)
	}
	current, err := user.Current()
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "", "asking which account this is")
	}
	uid, err := strconv.Atoi(current.Uid)
	if err != nil {
		return nil, fmt.Errorf("reading the account's number: %w", err)
	}
	return pgcluster.New(pgcluster.Options{
		StateDir:         filepath.Join(p.Dirs.State, "postgres"),
		SocketDir:        p.Dirs.PostgresSocketDir(),
		OverrideDir:      filepath.Join(p.Dirs.Config, "postgresql.conf.d"),
		SharedBuffersMiB: p.Config.Database.SharedBuffersMiB,
		Pool:             p.Config.Database.Pool,
		Account:          pgcluster.Account{UID: uid, Name: current.Username},
		Root:             os.DirFS("/"),
		Lookup:           p.Lookup,
		Memory:           pgcluster.Memory,
		Run:              pgcluster.Exec,
		Log:              p.Log,
	}), nil
}

// Programs finds what is installed of PostgreSQL, for whatever data.
func (p *Parts) Programs() *pgcluster.Cluster {
	return pgcluster.New(pgcluster.Options{
		StateDir: filepath.Join(p.Dirs.State, "postgres"), Root: os.DirFS("/"), Lookup: p.Lookup, Run: pgcluster.Exec,
	})
}
