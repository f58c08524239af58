// Package quantity writes numbers of bytes and durations as people read them.
package quantity

import (
	"fmt"
	"time"
)

// Bytes is a number of bytes with at most four digits and a decimal unit.
func Bytes(n int64) string {
	const units = "KMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1000, 0
	for f >= 999.5 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	return fmt.Sprintf("%.1f %cB", f, units[i])
}

// Duration is a duration in whole seconds, minutes, hours or days.
func Duration(d time.Duration) string {
	d = max(d, 0) // a clock that was set back
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}
