package health

import (
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
)

// failed is how it is told that the last run of a job failed, and the command that runs
// it by hand.
type failed struct{ key, what, command string }

func failureOf(j history.Job) failed {
	switch j {
	case history.TakeSet:
		return failed{SetFailed, "no set could be saved", "create"}
	case history.Prune:
		return failed{PruneFailed, "old sets could not be let go", "prune"}
	case history.Verify:
		return failed{VerifyFailed, "the target could not be verified", "verify"}
	case history.Drill:
		return failed{DrillNotHeld, "the drill could not be held", "drill"}
	case history.Copy:
		return failed{CopyFailed, "the second target could not be brought up to date", "copy"}
	case history.CopyVerify:
		return failed{CopyVerifyBroke, "the second target could not be verified", "verify --copy"}
	}
	return failed{CopyNotDrilled, "the drill from the second target could not be held", "drill --copy"}
}

// judgeRuns judges how the jobs ended last. The next run that does what it should ends
// the problem.
func (s *Status) judgeRuns() {
	for _, j := range history.Jobs() {
		r := s.in.History.Runs[j]
		if r.Failure == "" {
			continue
		}
		f, next := failureOf(j), r.Next
		if next == "" {
			next = "bugspark backup " + f.command
		}
		s.problem(f.key, "%s on %s: %s; next: %s", f.what, r.At.Local().Format(time.DateTime), r.Failure, next)
	}
}
