// Package job does the work of the backup commands and services: it takes sets,
// lists, verifies, prunes and copies them, holds drills, and receives and ships
// the WAL. Every job returns a result and prints nothing.
package job

import (
	"context"
	"log/slog"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Jobs is everything that the jobs of this machine need of it. The functions are
// called only by the jobs that need them, since every account may not read every
// secret.
type Jobs struct {
	Dirs    config.Dirs
	Config  config.Config
	InForce func() (config.Config, error) // the configuration now, which may have changed since; nil is Config
	Lookup  config.LookupEnv
	Log     *slog.Logger
	Version string // of this program
	Rescue  string // directory with the programs that go to the targets; empty: that of the package

	Product  backup.Product
	Objects  func() (objectstore.Store, error)             // of the product
	Cluster  func() (*pgcluster.Cluster, error)            // this machine's own
	Programs *pgcluster.Cluster                            // finds what is installed of PostgreSQL, for whatever data
	Account  func() (*syscall.Credential, error)           // of the backups; nil is the account of this process
	Name     string                                        // of that account, for messages
	Client   func(dsn string) (*syscall.Credential, error) // of programs that connect to a customer's server; nil is that of this process
	StepDown func() error                                  // makes this process that account's for good
	Probe    func(context.Context, *scratch.Client) error  // proves that the product works with a restored database
	// Restored begins the process that runs the server of a drill. Where that is not this
	// account's, the data is elsewhere than below dir.
	Restored func(ctx context.Context, dir string) (*scratch.Client, error)
	// RestoredData is where that process has its data; empty is below dir.
	RestoredData string
}

// database is the source of the sets' copies of the database.
func (j *Jobs) database() (backup.Database, error) {
	if j.Config.Database.Mode == "external" {
		return j.CustomerServer()
	}
	cluster, err := j.Cluster()
	return backup.Cluster{Cluster: cluster, Product: j.Product}, err
}
