package cli

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

func newPostgres(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:    "postgres",
		Short:  "Run the database (roles of the service manager)",
		Args:   cobra.NoArgs,
		Hidden: true,
	}
	step := func(use, short string, run func(context.Context, *pgcluster.Cluster) error) {
		c.AddCommand(&cobra.Command{
			Use: use, Short: short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cluster, err := openCluster(env)
				if err != nil {
					return err
				}
				return run(cmd.Context(), cluster)
			},
		})
	}
	step("prepare", "Make the database cluster if there is none, and write its configuration",
		func(ctx context.Context, c *pgcluster.Cluster) error { return c.Prepare(ctx) })
	step("run", "Become the PostgreSQL server",
		func(ctx context.Context, c *pgcluster.Cluster) error { return c.Start(ctx, syscall.Exec) })
	step("provision", "Make the roles and the database in the running server",
		func(ctx context.Context, c *pgcluster.Cluster) error { return c.Provision(ctx) })
	step("check", "Ask the running server for an answer",
		func(ctx context.Context, c *pgcluster.Cluster) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return c.Check(ctx)
		})
	return c
}

// openCluster is the cluster of this installation, seen by this process.
func openCluster(env Env) (*pgcluster.Cluster, error) {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return nil, err
	}
	if cfg.Database.Mode != "managed" {
		return nil, fault.New(fault.Usage, "disable bugspark-postgres.service with 'bugspark apply'",
			"the database is yours (database.mode is %s), there is none to run here", cfg.Database.Mode)
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
		StateDir:         filepath.Join(dirs.State, "postgres"),
		SocketDir:        dirs.PostgresSocketDir(),
		OverrideDir:      filepath.Join(dirs.Config, "postgresql.conf.d"),
		SharedBuffersMiB: cfg.Database.SharedBuffersMiB,
		Pool:             cfg.Database.Pool,
		Account:          pgcluster.Account{UID: uid, Name: current.Username},
		Root:             os.DirFS("/"),
		Lookup:           env.Lookup,
		Memory:           pgcluster.Memory,
		Run:              pgcluster.Exec,
		Log:              newLog(env, cfg.Log),
	}), nil
}
