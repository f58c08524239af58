package preflight

import (
	"context"
	"errors"
	"os/exec"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// Schedules wants calendar expressions that systemd understands; it alone knows all their
// forms.
func Schedules(c config.Config) Check {
	return Check{"schedules", "systemd understands the schedules", Machine, func(ctx context.Context) error {
		var problems []error
		for _, s := range []struct{ key, value string }{
			{"backup.schedule", c.Backup.Schedule}, {"backup.drill_schedule", c.Backup.DrillSchedule}, {"backup.copy.schedule", c.Backup.Copy.Schedule},
		} {
			err := exec.CommandContext(ctx, "systemd-analyze", "calendar", "--", s.value).Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				problems = append(problems, fault.New(fault.Preflight, "write it as 'man systemd.time' says; 'systemd-analyze calendar EXPRESSION' shows when one elapses",
					"%s: systemd does not understand %q", s.key, strings.TrimSpace(s.value)))
			}
			// Where the program is missing, the timer tells when it is started.
		}
		return errors.Join(problems...)
	}}
}
