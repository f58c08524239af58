package preflight

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// Clock refuses a clock that stands before this program was built or long after
// it: every browser would refuse the certificates that are made now.
func Clock(now, built time.Time) Check {
	return Check{"clock", "the clock is plausible", Machine, func(context.Context) error {
		const hint = "set the clock ('timedatectl set-time' or an NTP server), then run the command again"
		if now.Before(built.Add(-24 * time.Hour)) {
			return fault.New(fault.Preflight, hint, "the clock says %s, before this program was built (%s)",
				now.UTC().Format(time.RFC3339), built.UTC().Format(time.DateOnly))
		}
		if now.After(built.AddDate(15, 0, 0)) {
			return fault.New(fault.Preflight, hint, "the clock says %s, more than 15 years after this program was built (%s)",
				now.UTC().Format(time.RFC3339), built.UTC().Format(time.DateOnly))
		}
		return nil
	}}
}
