package job

import (
	"errors"
	"io/fs"
	"time"

	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/fault"
)

// Check judges the backups and writes the result for metrics and alerts.
func (j *Jobs) Check() (health.Status, error) {
	look := health.Secrets(j.Lookup, j.Dirs, j.Config)
	if err := j.StepDown(); err != nil {
		return health.Status{}, err
	}
	// The shipper does so too, but not every site has one.
	if err := history.RepeatRequest(j.Dirs, time.Now()); err != nil {
		j.Log.Warn("a set that did not come", "error", err)
	}
	if err := history.RepeatDrill(j.Dirs, time.Now()); err != nil {
		j.Log.Warn("a drill that was not held", "error", err)
	}
	s, err := look.Look(j.Dirs, j.Config, time.Now())
	if err != nil {
		return s, err
	}
	err = health.Write(j.Dirs, s)
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = fault.Wrap(fault.Failed, err, "run it as root", "the result of the check cannot be kept")
	case errors.Is(err, fs.ErrNotExist): // the directory of the backups' state
		err = fault.Wrap(fault.Failed, err, "bugspark apply", "the backups have not begun on this machine")
	}
	return s, err
}
