package assembly

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/alert"
	backuphealth "github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/health"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/supervisor"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// Status is what 'bugspark status' tells.
type Status struct {
	State     health.State        `json:"state"`
	Healthy   bool                `json:"healthy"` // everybody is served
	Attention []string            `json:"attention,omitempty"`
	Backup    backuphealth.Status `json:"backup"`
	URL       string              `json:"url"`
	Version   string              `json:"version"`
	Answer    string              `json:"answer"` // "ok", or why /health does not answer
	Setup     string              `json:"setup"`  // finished, unfinished, unknown
	SetupNext string              `json:"setup_next,omitempty"`
	Edit      string              `json:"edit,omitempty"` // of bugspark.yaml that is not applied yet
	Restore   *PendingRestore     `json:"restore,omitempty"`
	Units     []supervisor.Unit   `json:"units"`
}

// PendingRestore is a restore that waits to be confirmed or undone.
type PendingRestore struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	Confirm string    `json:"confirm"` // the commands that end the waiting
	Undo    string    `json:"undo"`
}

// String says what to do about it.
func (r PendingRestore) String() string {
	return fmt.Sprintf("The restore of %s (%s) is neither confirmed nor undone, and the data from before is kept: '%s' deletes it, '%s' brings it back",
		r.At.Local().Format(time.DateTime), r.What, r.Confirm, r.Undo)
}

// PendingRestore is the restore that waits, and what to say of it; nothing where none
// waits, and for accounts that may not look.
func (m *Machine) PendingRestore(ctx context.Context) (*PendingRestore, string) {
	r, err := m.Restorer(nil, silentRestore{})
	if err != nil {
		return nil, unknownRestore(err)
	}
	last, pending, err := r.Pending(ctx)
	if err != nil || !pending {
		return nil, unknownRestore(err)
	}
	out := PendingRestore{At: last.At, What: last.What, Confirm: "bugspark restore confirm", Undo: "bugspark restore undo"}
	return &out, out.String()
}

func unknownRestore(err error) string {
	if err == nil || errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return fmt.Sprintf("Whether a restore waits to be confirmed or undone is not known: %v", err)
}

// answerPatience is how long the stack may take to answer a status.
const answerPatience = 5 * time.Second

// Describe asks about everything, and judges it.
func (m *Machine) Describe(ctx context.Context) (Status, error) {
	s := Status{URL: m.Config.Server.PublicURL(), Version: m.Parts.Version, Answer: "ok", Setup: "unfinished"}
	applied, err := setup.ReadApplied(m.Dirs)
	switch {
	case err != nil:
		s.Setup = "unknown" // only root may read it; everybody may see the rest
	case applied.Finished:
		s.Setup = "finished"
	default:
		s.SetupNext = "Setup has not finished; next: bugspark setup --non-interactive"
	}
	if err := setup.CheckRestored(m.Dirs); err != nil && !errors.Is(err, fs.ErrPermission) {
		s.SetupNext = fmt.Sprintf("%v; next: %s", err, strings.Join(fault.Hints(err), "; "))
	}
	seen := health.Seen{Now: time.Now()}
	if s.Units, err = m.Units(ctx); err != nil {
		return s, err
	}
	seen.Unfinished, seen.Stopped, seen.Starting = s.SetupNext != "", m.stopped(s.Units), m.starting(s.Units)
	for _, u := range s.Units {
		switch {
		case u.Healthy || seen.Stopped:
		case m.Set.Serves(u.Name):
			seen.FailedUnits++
		default:
			seen.Helpers = append(seen.Helpers, u.Name)
		}
	}
	s.Edit = setup.Unapplied(m.Dirs, m.Lookup)
	failed, err := m.failedJobs(ctx)
	if err != nil {
		return s, err
	}
	for _, u := range failed {
		seen.FailedJobs = append(seen.FailedJobs, u.Name)
	}
	s.Units = append(s.Units, failed...)
	if s.Backup, err = m.Backups(); err != nil {
		seen.Backups = append(seen.Backups, fmt.Sprintf("%s: %v", s.Backup.Sentence(), err))
	} else {
		seen.Backups = s.Backup.Attention()
	}
	if seen.Space, err = durable.SpaceAt(m.Dirs.State); err != nil {
		return s, err
	}
	seen.Reserve = int64(m.Config.Limits.FreeSpaceMiB) << 20
	if space, below, err := lowDisk(m.Config, m.Dirs); err != nil {
		return s, err
	} else if below {
		seen.LowDisk = &space
	}
	quick, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	s.Restore, seen.Restored = m.PendingRestore(quick)
	if seen.Certificate, seen.Answer = m.Endpoint(m.Site).Ask(quick); seen.Answer != nil {
		s.Answer = seen.Answer.Error()
	}
	s.State, s.Attention = health.Judge(seen)
	s.Healthy = s.State == health.Healthy || s.State == health.Attention
	return s, nil
}

// stopped tells whether somebody has stopped all of it, by 'systemctl stop
// bugspark.target': no service that serves has failed, and none runs. A service that a
// crash has ended leaves the target.
func (m *Machine) stopped(units []supervisor.Unit) bool {
	stopped := false
	for _, u := range units {
		switch {
		case u.Name == unit.Target:
			stopped = u.State == "inactive"
		case m.Set.Serves(u.Name) && u.State != "inactive":
			return false
		}
	}
	return stopped
}

// starting tells whether services are being started that everybody needs. The target is
// reached before they are.
func (m *Machine) starting(units []supervisor.Unit) bool {
	starting := false
	for _, u := range units {
		if m.Set.Serves(u.Name) && (u.State == "failed" || u.Restarts > 0) { // or a crash loop
			return false
		}
		starting = starting || m.Set.Serves(u.Name) && u.State == "activating"
	}
	return starting
}

// Units describes the units that the configuration calls for.
func (m *Machine) Units(ctx context.Context) ([]supervisor.Unit, error) {
	on, _ := m.Set.Selected(m.Config)
	return m.describe(ctx, on)
}

// failedJobs describes the services of timers and paths whose last run failed. The check
// of the backups is none of them: it fails while it finds problems, which a status judges
// for itself.
func (m *Machine) failedJobs(ctx context.Context) ([]supervisor.Unit, error) {
	all, err := m.describe(ctx, m.Set.Jobs(m.Config))
	return slices.DeleteFunc(all, func(u supervisor.Unit) bool { return u.State != "failed" || u.Name == alert.CheckUnit }), err
}

func (m *Machine) describe(ctx context.Context, names []string) ([]supervisor.Unit, error) {
	states, err := m.ServiceManager.Status(ctx, names...)
	if err != nil {
		return nil, err
	}
	out := make([]supervisor.Unit, len(states))
	for i, s := range states {
		out[i] = supervisor.Unit{
			Name: s.Name, Description: s.Description, State: s.Active, SubState: s.Sub, Restarts: s.Restarts,
			MemoryBytes: s.Memory, Healthy: s.Healthy(), Why: s.Why,
		}
		if !s.Since.IsZero() {
			out[i].Since = s.Since.UTC().Format(time.RFC3339)
		}
	}
	return out, nil
}
