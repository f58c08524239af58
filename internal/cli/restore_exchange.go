package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/exchange"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

func (x *restoration) exchanger(d config.Dirs) *exchange.Exchanger {
	return &exchange.Exchanger{
		Units: x, Dir: filepath.Join(d.State, "postgres"), Memory: filepath.Join(d.State, "setup", "restore.json"),
		Report: x.say, Healthy: x.healthy, StartNewTimeline: x.fork,
		Users: slices.Concat(x.set.ProvidersOf("database"), x.set.WritersOf("database")),
	}
}

// fork moves data that was put aside to a timeline of its own.
func (x *restoration) fork(ctx context.Context, data, other string) (err error) {
	account, err := credential(postgresAccount)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		return err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("reading the version of %s: %w", data, err)
	}
	finder := pgcluster.New(pgcluster.Options{StateDir: filepath.Dir(data), Root: os.DirFS("/"), Lookup: x.env.Lookup, Run: pgcluster.Exec})
	s := &pgcluster.Scratch{DataDir: data, Dir: filepath.Join(filepath.Dir(data), "run"), Account: account, Durable: true}
	if s.Server, err = finder.Major(ctx, major); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(s.Dir), os.Mkdir(s.Dir, 0o700)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	if account != nil {
		if err := os.Chown(s.Dir, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	return s.StartNewTimeline(ctx, filepath.Join(other, "pg_wal"))
}

func newRestoreEnd(env Env, use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		m, err := openConfigured(cmd.Context(), env)
		if err != nil {
			return err
		}
		defer m.Close()
		if err := setup.RootCheck().Run(cmd.Context()); err != nil {
			return err
		}
		x := &restoration{machine: m, env: env}
		dirs := m.site.Dirs
		// A set that is being taken would fail when the database stops.
		unlock, err := (&vault{env: env, dirs: dirs}).alone(true)
		if err != nil {
			return err
		}
		defer unlock()
		way, err := x.wayBack(cmd.Context(), use == "undo")
		if err != nil {
			return err
		}
		if use == "confirm" {
			return way.Confirm()
		}
		if err := way.Undo(cmd.Context()); err != nil {
			return err
		}
		return x.healthy(cmd.Context())
	}}
}

// wayBack is how the last restore is confirmed or undone.
func (x *restoration) wayBack(ctx context.Context, undo bool) (interface {
	Confirm() error
	Undo(context.Context) error
}, error) {
	if x.site.Config.Database.Mode == "managed" {
		return x.exchanger(x.site.Dirs), nil
	}
	own, err := ownForeign(x.env, x.site.Dirs, x.site.Config)
	f := &foreignTarget{CustomerServer: own}
	if err == nil && undo {
		err = f.look(ctx)
	}
	return x.replacer(f), err
}
