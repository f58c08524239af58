package cli

import (
	"strconv"
	"time"
)

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
