package job

import (
	"time"

	"github.com/bugspark/bugspark/internal/backup/health"
)

// Check judges the backups and writes the result for metrics and alerts.
func (j *Jobs) Check() (health.Status, error) {
	free := health.FreeSpace(j.Lookup, j.Dirs, j.Config) // reads the keys of the target, which root owns
	if err := j.StepDown(); err != nil {
		return health.Status{}, err
	}
	s, err := health.LookAt(j.Dirs, j.Config, time.Now(), free)
	if err != nil {
		return s, err
	}
	return s, health.Write(j.Dirs, s)
}
