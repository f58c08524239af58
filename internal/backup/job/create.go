package job

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// SavedSet is a set with its description.
type SavedSet struct {
	ID       string          `json:"id"`
	Took     float64         `json:"seconds"`
	Document backup.Document `json:"document"`
}

// CreateOptions say what to save.
type CreateOptions struct {
	Claim   bool // make the target this machine's, also one of another machine
	Logical bool // add a logical copy of the database, whenever the last one was made
}

// logicalInterval is how often a set holds a logical copy as well. Half a day less
// than a week, because a set does not begin at the same second every day.
const logicalInterval = 6*24*time.Hour + 12*time.Hour

// logicalDue tells whether a set holds a logical copy of the database unasked.
// last is when the newest set with one was taken; zero when there is none.
func logicalDue(last, now time.Time) bool { return now.Sub(last) > logicalInterval }

// Create saves one set.
func (j *Jobs) Create(ctx context.Context, o CreateOptions, report func(backup.Progress)) (SavedSet, error) {
	s, err := j.Open(ctx, OpenOptions{Create: true, Claim: o.Claim})
	if err != nil {
		return SavedSet{}, err
	}
	defer s.Close()
	return s.create(ctx, o, report)
}

func (s *Session) create(ctx context.Context, o CreateOptions, report func(backup.Progress)) (SavedSet, error) {
	began := time.Now()
	if s.sources.Logical = o.Logical; !o.Logical {
		last, err := backup.LastLogicalCopy(ctx, s.Repository)
		if err != nil {
			return SavedSet{}, err
		}
		s.sources.Logical = logicalDue(last.CreatedAt, began)
	}
	id, d, err := backup.Create(ctx, s.Repository, s.sources, report)
	if err != nil {
		return SavedSet{}, s.explainCreate(ctx, err)
	}
	out := SavedSet{id, time.Since(began).Seconds(), d}
	return out, history.Saved(s.Jobs.Dirs, history.SavedSet{ID: id, At: d.CreatedAt, Start: d.Database.Start, Seconds: out.Took}, began)
}

// explainCreate adds to an error what may be done about it. The engine of the sets
// loses the cause of its errors, so that the target is asked as well.
func (s *Session) explainCreate(ctx context.Context, err error) error {
	free, asking := s.Target.Free(ctx)
	if errors.Is(err, syscall.ENOSPC) || asking == nil && free < target.Reserve {
		return fault.Wrap(fault.Failed, syscall.ENOSPC, "make room there, or: bugspark backup prune --now", "no set was saved, the sets before are untouched; the backup target %s is full", s.Target)
	}
	return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup create' again; the sets before are untouched", "no set was saved")
}
