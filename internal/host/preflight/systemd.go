package preflight

import (
	"context"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// minimumSystemd is the version of Debian 12 and RHEL 9; the units use what it
// knows.
const minimumSystemd = 252

// ServiceManager is what the check asks of systemd.
type ServiceManager interface {
	Version() (int, error)
	// Missing lists the shipped units that systemd cannot find.
	Missing(context.Context) ([]string, error)
}

// Systemd wants a systemd that is new enough and has the units of the package.
func Systemd(m ServiceManager) Check {
	return Check{"systemd", "systemd is new enough and has the units", Machine, func(ctx context.Context) error {
		version, err := m.Version()
		if err != nil {
			return err
		}
		if version < minimumSystemd {
			return fault.New(fault.Preflight, "use Debian 12, Ubuntu 24.04, RHEL 9 or newer", "systemd %d is too old: %d is needed", version, minimumSystemd)
		}
		missing, err := m.Missing(ctx)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fault.New(fault.Preflight, "install the package again: apt install --reinstall bugspark", "units are missing: %s", strings.Join(missing, ", "))
		}
		return nil
	}}
}

// Broken is the check of a systemd that cannot even be asked.
func Broken(err error) Check {
	return Check{"systemd", "systemd answers", Machine, func(context.Context) error { return err }}
}
