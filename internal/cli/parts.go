package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/quantity"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// parts are the parts of the installation that this process belongs to.
func (e Env) parts() (*assembly.Parts, error) { return assembly.New(e.assembly()) }

// configured are those of a machine on which setup has begun.
func (e Env) configured() (*assembly.Parts, error) { return assembly.Configured(e.assembly()) }

func (e Env) assembly() assembly.Env {
	return assembly.Env{Lookup: e.Lookup, Stderr: e.Stderr, Version: Version, Built: builtAt(), Connect: e.Connect}
}

// Built is the time of the build in seconds since the epoch, set by the linker
// from SOURCE_DATE_EPOCH. The default is when this line was written: a lower
// bound is all that the check of the clock needs.
var Built = "1793491200"

func builtAt() time.Time {
	n, err := strconv.ParseInt(Built, 10, 64)
	if err != nil {
		n = 0
	}
	return time.Unix(n, 0)
}

// withStore runs f on the configured database.
func withStore(ctx context.Context, env Env, role assembly.Role, f func(*postgres.Store) error) error {
	p, err := env.parts()
	if err != nil {
		return err
	}
	return p.WithStore(ctx, role, f)
}

// openJobs are the backups of this machine, on which setup has begun.
func openJobs(env Env) (*job.Jobs, error) {
	p, err := env.configured()
	if err != nil {
		return nil, err
	}
	return p.Jobs(), nil
}

// out is where results are told, nil in silence, and errors where everything else is.
func (e Env) out(silent bool) io.Writer {
	if silent {
		return nil
	}
	return e.Stdout
}

func (e Env) errors(silent bool) io.Writer {
	if silent {
		return nil
	}
	return e.Stderr
}

// size is a number of bytes for people.
func size(n int64) string { return quantity.Bytes(n) }

// waiting tells what a command waits for.
func waiting(env Env) func(what string) {
	return func(what string) { fmt.Fprintf(env.Stderr, "  waiting for %s to finish\n", what) }
}
