package assembly

import (
	"context"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// SetUp makes a machine a server with this configuration. It returns the changes
// and the first administrator's one-time password, which is empty when that
// account has signed in already.
func (m *Machine) SetUp(ctx context.Context, data []byte, report func(setup.Change)) ([]setup.Change, string, error) {
	if err := setup.WriteConfig(m.Dirs, data); err != nil {
		return nil, "", err
	}
	made, beside := m.Converge(ctx, report)
	if err := beside; !setup.Served(err) {
		return made, "", fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark setup' again; it goes on where it stopped", "setting up")
	}
	password, err := m.firstPassword(ctx)
	if err != nil {
		return made, "", err
	}
	if err := setup.Finish(m.Dirs); err != nil {
		return made, password, err
	}
	return made, password, beside
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
