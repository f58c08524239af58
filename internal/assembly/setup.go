package assembly

import (
	"context"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// Told is what whoever ran setup has to be told: the changes, and the first
// administrator's one-time password, which is empty when that account has signed in
// already or an earlier setup told it.
type Told struct {
	Changes         []setup.Change
	OneTimePassword string
}

// SetUp makes a machine a server with this configuration, and tells what came of it. Only
// when tell has succeeded is setup finished: one that is killed before has told no
// password, and the next run makes another. Of units beside those that serve everybody it
// returns the error after everything else.
func (m *Machine) SetUp(ctx context.Context, data []byte, report func(setup.Change), tell func(Told) error) error {
	if err := setup.WriteConfig(m.Dirs, data); err != nil {
		return err
	}
	made, beside := m.Converge(ctx, report)
	if !setup.Served(beside) {
		return fault.Wrap(fault.Failed, beside, "correct the cause and run 'bugspark setup' again; it goes on where it stopped", "setting up")
	}
	password, err := m.firstPassword(ctx)
	if err != nil {
		return err
	}
	if err := tell(Told{Changes: made, OneTimePassword: password}); err != nil {
		return err
	}
	if err := setup.Finish(m.Dirs); err != nil {
		return err
	}
	return beside
}

// firstPassword makes the first account. When an earlier setup made it but was
// interrupted before it could be told, the password is replaced; once setup has
// finished it is never touched again.
func (m *Machine) firstPassword(ctx context.Context) (string, error) {
	applied, err := setup.ReadApplied(m.Dirs)
	if err != nil || applied.Finished {
		return "", err
	}
	return m.FirstAdministrator(ctx)
}

// Preflight runs every check.
func (m *Machine) Preflight(ctx context.Context) ([]preflight.Finding, error) {
	return preflight.Run(ctx, m.Checks(ctx))
}

// ForSetup is the installation that setup is about, and the content of its
// bugspark.yaml: of the answers, or of what is on the machine already.
func ForSetup(env Env, a setup.Answers) (*Parts, []byte, error) {
	dirs := config.DirsFrom(env.Lookup)
	if err := config.RefuseOverrides(dirs, env.Lookup); err != nil {
		return nil, nil, err
	}
	data, cfg, err := setup.WantedConfig(dirs, a, env.Lookup)
	if err != nil {
		return nil, nil, err
	}
	return With(env, dirs, cfg), data, nil
}
