package job

import (
	"context"
	"errors"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
)

// List returns the sets of a target, newest first.
func (j *Jobs) List(ctx context.Context, second bool) ([]SavedSet, error) {
	s, err := j.Open(ctx, OpenOptions{ReadOnly: true, Copy: second})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.List(ctx)
}

// List returns the sets of the session's target, newest first.
func (s *Session) List(ctx context.Context) ([]SavedSet, error) {
	sets, err := s.Repository.Sets(ctx)
	if err != nil {
		return nil, err
	}
	out := []SavedSet{}
	for _, set := range sets {
		d, err := backup.Read(ctx, s.Repository, set.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, SavedSet{set.ID, set.EndedAt.Sub(set.BeganAt).Seconds(), d})
	}
	return out, nil
}

// Show returns the description of a set.
func (j *Jobs) Show(ctx context.Context, id string) (backup.Document, error) {
	s, err := j.Open(ctx, OpenOptions{ReadOnly: true})
	if err != nil {
		return backup.Document{}, err
	}
	defer s.Close()
	d, err := backup.Read(ctx, s.Repository, id)
	return d, ExplainNoSet(err)
}

// ExplainNoSet adds to the error of a set that does not exist where to find the
// others.
func ExplainNoSet(err error) error {
	if errors.Is(err, repository.ErrNoSet) {
		return fault.Wrap(fault.Usage, err, "bugspark backup list", "looking for the set")
	}
	return err
}
