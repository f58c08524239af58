package cli

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// openJobs builds the backup jobs of this machine's configuration.
func openJobs(env Env) (*job.Jobs, error) {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return nil, err
	}
	return newJobs(env, dirs, cfg), nil
}

func newJobs(env Env, dirs config.Dirs, cfg config.Config) *job.Jobs {
	return &job.Jobs{
		Dirs: dirs, Config: cfg, Lookup: env.Lookup, Log: newLog(env, cfg.Log), Version: Version,
		Objects:  func() (objectstore.Store, error) { return openObjects(env, cfg, dirs) },
		Cluster:  func() (*pgcluster.Cluster, error) { return openCluster(env) },
		Programs: programs(env),
		Account:  func() (*syscall.Credential, error) { return credential(backupAccount) },
		Name:     backupAccount,
		StepDown: func() error { return stepDown(backupAccount) },
		Fetch:    fetchCommand,
		Probe:    answersFrom,
	}
}

// programs finds what is installed of PostgreSQL, for whatever data.
func programs(env Env) *pgcluster.Cluster {
	return pgcluster.New(pgcluster.Options{Root: os.DirFS("/"), Lookup: env.Lookup, Run: pgcluster.Exec})
}

// fetchCommand is the restore_command of this program.
func fetchCommand(socket string) string {
	self, err := os.Executable()
	if err != nil {
		self = "/usr/bin/bugspark" // where the package has it
	}
	return fmt.Sprintf("exec '%s' wal fetch --socket '%s' '%%f' '%%p'", self, socket)
}

// vault is what a restore uses of a session with the backups.
type vault struct {
	session  *job.Session
	dirs     config.Dirs
	cfg      config.Config
	place    target.Endpoint
	key      string
	identity string
}

func (v *vault) archive() (*archive.Archive, error) { return v.session.Archive() }

// claim takes the endpoint over as the first, and only one, of this machine.
func (v *vault) claim(ctx context.Context) error {
	e := v.place
	e.Copy = false
	return v.session.Jobs.Claim(ctx, e, true)
}

// withSession opens a session for a restore.
func withSession(ctx context.Context, env Env, o job.OpenOptions, work func(context.Context, *vault, *repository.Repository) error) error {
	j, err := openJobs(env)
	if err != nil {
		return err
	}
	o.Waiting = waitingFor(env)
	s, err := j.Open(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	return work(ctx, &vault{session: s, dirs: j.Dirs, cfg: j.Config, place: s.Endpoint, key: s.BackupKey, identity: s.ArchiveIdentity}, s.Repository)
}

func waitingFor(env Env) func(string) {
	return func(what string) { fmt.Fprintf(env.Stderr, "  waiting for %s to finish\n", what) }
}

// newForeign is the customer's database behind a connection string.
func newForeign(env Env, dsn string) backup.CustomerServer {
	return (&job.Jobs{Programs: programs(env)}).NewCustomerServer(dsn)
}

func ownForeign(env Env, d config.Dirs, cfg config.Config) (backup.CustomerServer, error) {
	return newJobs(env, d, cfg).CustomerServer()
}

func (m *machine) checkStream(ctx context.Context) error {
	return newJobs(m.env, m.site.Dirs, m.site.Config).CheckReplication(ctx)
}

// dropSlot ends what the customer's server keeps for us. A server that is gone
// must not keep an administrator from applying the rest.
func dropSlot(ctx context.Context, env Env, d config.Dirs, cfg config.Config) error {
	if err := newJobs(env, d, cfg).DropSlot(ctx); err != nil {
		fmt.Fprintf(env.Stderr, "  ! %v\n", err)
		for _, next := range fault.Hints(err) {
			fmt.Fprintf(env.Stderr, "    %s\n", next)
		}
	}
	return nil
}
