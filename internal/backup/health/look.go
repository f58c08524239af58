package health

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// Look reads what the jobs remember, asks the target for its free space, and
// judges.
func Look(lookup config.LookupEnv, d config.Dirs, cfg config.Config, now time.Time) (Status, error) {
	return LookAt(d, cfg, now, FreeSpace(lookup, d, cfg))
}

// FreeSpace reads the keys of the target, and returns a function that asks it for
// its free space in bytes, -1 when it does not tell. An account that may not read
// the keys gets -1, and leaves the question to the check that runs every few
// minutes.
func FreeSpace(lookup config.LookupEnv, d config.Dirs, cfg config.Config) func() (int64, error) {
	e, err := target.EndpointOf(lookup, d, cfg.Backup, false)
	return func() (int64, error) {
		if errors.Is(err, fs.ErrPermission) {
			return -1, nil
		}
		if err != nil {
			return -1, err
		}
		return e.FreeSpace()
	}
}

// LookAt is Look with another way to ask for the target's free space.
func LookAt(d config.Dirs, cfg config.Config, now time.Time, free func() (int64, error)) (Status, error) {
	in := Input{Config: cfg, Now: now, Free: -1}
	if cfg.Backup.Target == "" {
		return Judge(in), nil
	}
	var err error
	if in.History, err = history.Read(d); err != nil {
		return Status{State: "off"}, err
	}
	if in.Confirmed, err = kit.ConfirmedAt(d); err != nil {
		return Status{State: "off"}, err
	}
	in.Free, in.Away = free()
	return Judge(in), nil
}

// The files that a check writes below STATE/backup.
const (
	metricsFile  = "metrics.prom"
	problemsFile = "problems.json"
)

// keyPrefix tells the problems of the backups from those of others.
const keyPrefix = "backup."

// ProblemsFile is where Write stores the problems, for alerts.
func ProblemsFile(d config.Dirs) string { return history.File(d, problemsFile) }

// Write stores the status for others: as metrics, and the problems for alerts.
func Write(d config.Dirs, s Status) error {
	if err := durable.WriteFile(history.File(d, metricsFile), s.Metrics(), 0o644); err != nil {
		return fmt.Errorf("writing the metrics: %w", err)
	}
	type problem struct {
		Key  string `json:"key"`
		Text string `json:"text"`
	}
	problems := []problem{}
	for _, p := range s.Problems {
		problems = append(problems, problem{keyPrefix + p.Key, p.Text})
	}
	if err := durable.WriteJSON(ProblemsFile(d), problems, 0o644); err != nil {
		return fmt.Errorf("writing the problems: %w", err)
	}
	return nil
}
