package health

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// Look reads what the jobs remember, asks the targets for their room, and judges.
func Look(lookup config.LookupEnv, d config.Dirs, cfg config.Config, now time.Time) (Status, error) {
	return Secrets(lookup, d, cfg).Look(d, cfg, now)
}

// Looker has read the secrets that a look needs, which root owns.
type Looker struct {
	first, second endpoint
	kit           kit.Standing
	err           error
}

type endpoint struct {
	target.Endpoint
	err error
}

// room is where the target is. An account that may not read its keys leaves what is
// free there to the check that runs every few minutes.
func (e endpoint) room(d config.Dirs) (target.Room, error) {
	if errors.Is(e.err, fs.ErrPermission) {
		return target.Room{Free: -1, Survives: target.Machine}, nil // only targets elsewhere have keys
	}
	if e.err != nil {
		return target.Room{Free: -1}, e.err
	}
	return e.Room(d.State)
}

// Secrets reads the keys of the targets, and compares those of the backups with the
// recovery kit.
func Secrets(lookup config.LookupEnv, d config.Dirs, cfg config.Config) Looker {
	var l Looker
	l.first.Endpoint, l.first.err = target.EndpointOf(lookup, d, cfg.Backup, false)
	l.second.Endpoint, l.second.err = target.EndpointOf(lookup, d, cfg.Backup, true)
	l.kit, l.err = kit.Stand(lookup, d, cfg.Backup)
	return l
}

// Look judges, with what was read before.
func (l Looker) Look(d config.Dirs, cfg config.Config, now time.Time) (Status, error) {
	in := Input{Config: cfg, Now: now, Room: target.Room{Free: -1}}
	if _, err := os.Stat(d.Backups); d.Backups != "" && err == nil {
		in.Before = d.Backups
	}
	if cfg.Backup.Target == "" {
		return Judge(in), nil
	}
	if l.err != nil {
		return Status{State: "unknown"}, l.err
	}
	in.History, in.Kit = history.Known(d), l.kit
	if in.Room, in.Away = l.first.room(d); in.Away == nil {
		in.Taken = l.first.taken(d)
	}
	if cfg.Backup.Copy.Target != "" {
		if room, err := l.second.room(d); err == nil {
			in.Copy, in.CopyTaken = room.Survives, l.second.taken(d)
		}
	}
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
