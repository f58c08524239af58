// Package cli is the command line: one file per command, which parses flags,
// calls one package and prints its result.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/terminal"
)

// Version is set by the linker from the package's version.
var Version = "0.0.0-dev"

// Env is everything a command may touch of the process it runs in.
type Env struct {
	Args   []string
	Lookup config.LookupEnv
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Connect reaches the service manager. Nil: systemd; tests hand in another one.
	Connect func(context.Context, unit.Set) (assembly.ServiceManager, error)
}

// Run executes one command and returns its exit status. Much of what a command prints was
// written by others: services, targets, whoever made a set.
func Run(ctx context.Context, env Env) int {
	out, errs := terminal.NewWriter(env.Stdout), terminal.NewWriter(env.Stderr)
	defer func() { _, _ = out.Flush(), errs.Flush() }()
	env.Stdout, env.Stderr = out, errs
	root := New(env)
	refuseWrongUsage(root)
	root.SetArgs(env.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var silent *exitStatus
	if errors.As(err, &silent) {
		return silent.status
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = interrupted(err)
	}
	complain(env.Stderr, err)
	return fault.Status(err)
}

// interrupted is the error of a command that a signal has ended. Each can be run again:
// what counts is made whole or not at all.
func interrupted(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return fault.New(fault.Interrupted, "run the same command again", "%s; the command was interrupted", f.Message)
	}
	return fault.New(fault.Interrupted, "run the same command again", "the command was interrupted before its end")
}

// exitStatus ends a command with a status whose reason it printed already.
type exitStatus struct{ status int }

func (e *exitStatus) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// New builds the command tree; the slice is the product's table of contents.
func New(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "bugspark",
		Short: "Collect bug reports from web pages, on your own server",
		Long: `BugSpark collects bug reports from web pages and lets a team triage them,
on a server of your own.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by a check before
anything was changed, 4 changes wait to be applied, 5 runs but needs attention.`,
		Example: `  bugspark setup --non-interactive   make this machine a BugSpark server
  bugspark status                    show what runs
  bugspark up --dir /tmp/bugspark    try it in the foreground`,
		Version:       Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.Wrap(fault.Usage, err, fmt.Sprintf("run '%s --help'", c.CommandPath()), "wrong usage")
	})
	root.AddCommand(
		newSetup(env),
		newPlan(env),
		newApply(env),
		newStatus(env),
		newUp(env),
		newConfig(env),
		newCertificate(env),
		newUser(env),
		newWidget(env),
		newMigrate(env),
		newBackup(env),
		newRestore(env),
		newVersion(env),
		newPostgres(env),
		newMinIO(env),
		newWAL(env),
		newScratch(env),
		newAlert(env),
		newStorage(env),
		newAPI(env),
		newDashboard(env),
		newProxy(env),
		newSupervisor(env),
		newHealth(env),
	)
	return root
}
