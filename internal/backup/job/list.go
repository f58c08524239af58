package job

import (
	"context"

	"github.com/bugspark/bugspark/internal/backup"
)

// List returns the sets of a target, newest first.
func (j *Jobs) List(ctx context.Context, second bool) ([]SavedSet, error) {
	s, err := j.Open(ctx, OpenOptions{Beside: true, Copy: second})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.List(ctx)
}

// List returns the sets of the session's target, newest first. That there is none is an
// error, as it is before the first set has begun.
func (s *Session) List(ctx context.Context) ([]SavedSet, error) {
	sets, err := s.Repository.Sets(ctx)
	if err == nil && len(sets) == 0 {
		err = s.Explain(backup.ErrNoSets)
	}
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

// Show returns the description of a set; backup.Latest is the newest.
func (j *Jobs) Show(ctx context.Context, id string) (backup.Document, error) {
	s, err := j.Open(ctx, OpenOptions{Beside: true})
	if err != nil {
		return backup.Document{}, err
	}
	defer s.Close()
	if id, err = s.named(ctx, id); err != nil {
		return backup.Document{}, err
	}
	d, err := backup.Read(ctx, s.Repository, id)
	return d, s.Explain(err)
}

// named is the id of a set that somebody has named.
func (s *Session) named(ctx context.Context, id string) (string, error) {
	if id != backup.Latest {
		return id, nil
	}
	sets, err := s.Repository.Sets(ctx)
	if err == nil && len(sets) == 0 {
		err = s.Explain(backup.ErrNoSets)
	}
	if err != nil {
		return "", err
	}
	return sets[0].ID, nil
}
