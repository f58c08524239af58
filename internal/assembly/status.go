package assembly

import (
	"context"
	"time"

	backuphealth "github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/durable"
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
	Units     []supervisor.Unit   `json:"units"`
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
	}
	seen := health.Seen{Now: time.Now()}
	if s.Units, err = m.Units(ctx); err != nil {
		return s, err
	}
	for _, u := range s.Units {
		if !u.Healthy {
			seen.FailedUnits++
		}
	}
	if s.Backup, err = backuphealth.Look(m.Lookup, m.Dirs, m.Config, seen.Now); err != nil {
		return s, err
	}
	seen.Backups = s.Backup.Attention()
	if seen.Space, err = durable.SpaceAt(m.Dirs.State); err != nil {
		return s, err
	}
	quick, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	if seen.Certificate, seen.Answer = m.Endpoint(m.Site).Ask(quick); seen.Answer != nil {
		s.Answer = seen.Answer.Error()
	}
	s.State, s.Attention = health.Judge(seen)
	s.Healthy = s.State != health.Unhealthy
	return s, nil
}

// Units describes the units that the configuration calls for.
func (m *Machine) Units(ctx context.Context) ([]supervisor.Unit, error) {
	confirmed, err := kit.Confirmed(m.Dirs)
	if err != nil {
		return nil, err
	}
	on, _ := m.Set.Selected(unit.Site{Config: m.Config, KitConfirmed: confirmed})
	states, err := m.ServiceManager.Status(ctx, on...)
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
