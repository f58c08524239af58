// Package assembly builds the parts of an installation from its environment and
// configuration: the log, the store, the object store, the cluster, the backups,
// the machine and the roles of the services. It is the one place that wires
// packages; what the parts do stands in their own.
package assembly

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// Env is what the parts take from the process.
type Env struct {
	Lookup  config.LookupEnv
	Stderr  io.Writer // of the log
	Version string    // of this program
	Built   time.Time // of this program, at the earliest
	// Connect reaches the service manager. Nil: systemd, over D-Bus.
	Connect func(context.Context, unit.Set) (ServiceManager, error)
}

// Parts builds the parts of one installation.
type Parts struct {
	Env
	Dirs   config.Dirs
	Config config.Config
	Log    *slog.Logger
	// ForceClaim lets apply take over new targets of other machines.
	ForceClaim bool
}

// New loads the configuration of the installation that is in force. One without a
// configuration has all defaults.
func New(env Env) (*Parts, error) {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.LoadInForce(dirs, env.Lookup)
	if err != nil {
		return nil, err
	}
	return With(env, dirs, cfg), nil
}

// Configured is New for a machine on which setup has begun; any other is refused.
func Configured(env Env) (*Parts, error) {
	if _, err := edited(env); err != nil {
		return nil, err
	}
	return New(env)
}

// Edited is Configured with bugspark.yaml as it stands, applied or not.
func Edited(env Env) (*Parts, error) {
	existing, err := edited(env)
	if err != nil {
		return nil, err
	}
	dirs := config.DirsFrom(env.Lookup)
	if err := config.RefuseOverrides(dirs, env.Lookup); err != nil {
		return nil, err
	}
	cfg, err := config.Parse(dirs.File(), existing, env.Lookup)
	if err != nil {
		return nil, err
	}
	return With(env, dirs, cfg), nil
}

// edited is the content of bugspark.yaml.
func edited(env Env) ([]byte, error) {
	dirs := config.DirsFrom(env.Lookup)
	existing, err := setup.Existing(dirs)
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run it with sudo", "reading the configuration")
	}
	if existing == nil {
		if dirs.InForce() != dirs.File() {
			return nil, fault.New(fault.Preflight, fmt.Sprintf("cp %s %s", dirs.InForce(), dirs.File()), "%s is gone; what was applied last is kept", dirs.File())
		}
		return nil, fault.New(fault.Preflight, "bugspark setup --non-interactive", "this machine is not set up: there is no %s", dirs.File())
	}
	return existing, nil
}

// With is New for a configuration that is known.
func With(env Env, dirs config.Dirs, cfg config.Config) *Parts {
	return &Parts{Env: env, Dirs: dirs, Config: cfg, Log: newLog(env.Stderr, cfg.Log)}
}

// newLog writes to the journal, which adds the time, at the level of log.level.
func newLog(w io.Writer, l config.Log) *slog.Logger {
	var level slog.Level
	// config has refused every other word, and the zero value is info.
	_ = level.UnmarshalText([]byte(l.Level))
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// recordLog is for what the journal must hold whatever log.level keeps out of it:
// alerts, and the calls of the supervisor.
func (p *Parts) recordLog() *slog.Logger { return newLog(p.Stderr, config.Log{Level: "info"}) }

// credential is a secret of the installation.
func (p *Parts) credential(name string) (string, error) {
	return config.ReadCredential(p.Lookup, p.Dirs, name)
}
