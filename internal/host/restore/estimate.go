package restore

import (
	"fmt"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/quantity"
)

// What an estimate counts with: stopping and starting the services, and what a
// restore writes a second on a slow disk, at least.
const (
	restarting  = 5 * time.Second
	RestoreRate = 50 << 20
)

// Estimate is how long a restore will take, and how that is known.
type Estimate struct {
	Duration  time.Duration
	FromDrill bool // it is how long the last drill took; otherwise it is by the size
}

func (e Estimate) String() string {
	if e.FromDrill {
		return "about " + quantity.Duration(e.Duration) + ", as the last drill"
	}
	return fmt.Sprintf("about %s, at %s/s", quantity.Duration(e.Duration), quantity.Bytes(RestoreRate))
}

// Estimate is as long as the last drill, which does the same, or by the size
// where none has passed.
func (p *Plan) Estimate() Estimate {
	bytes := p.Bytes
	if p.NewMachine {
		bytes += p.Point.Document.Objects.Bytes
	}
	h, err := history.Read(p.r.Dirs)
	return estimate(err == nil && h.Drill.Passed, h.Drill.Took, bytes)
}

func estimate(drilled bool, seconds float64, bytes int64) Estimate {
	if drilled {
		return Estimate{time.Duration(seconds*float64(time.Second)) + restarting, true}
	}
	return Estimate{time.Duration(bytes/RestoreRate)*time.Second + restarting, false}
}
