package backup

import (
	"context"
	"fmt"
	"io"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Logical is a set with a logical copy; ID is empty when there is none.
type Logical struct {
	ID string
	Document
}

// LastLogical is the newest set with a logical copy of the database.
func LastLogical(ctx context.Context, r *repository.Repository) (Logical, error) {
	sets, err := r.Sets(ctx)
	if err != nil {
		return Logical{}, err
	}
	for _, s := range sets {
		d, err := Read(ctx, r, s.ID)
		if err != nil {
			return Logical{}, err
		}
		if d.Logical {
			return Logical{s.ID, d}, nil
		}
	}
	return Logical{}, nil
}

// Load replaces the schema of a running, empty cluster by the logical copy of a
// set: all of it or nothing.
func Load(ctx context.Context, r *repository.Repository, set string, c *pgcluster.Cluster, report func(Progress)) error {
	return WithLogical(ctx, r, set, report, c.Load)
}

// WithLogical hands the logical copy of a set to load.
func WithLogical(ctx context.Context, r *repository.Repository, set string, report func(Progress), load func(context.Context, io.Reader) error) error {
	body, err := r.Open(ctx, set, logicalPart)
	if err != nil {
		return err
	}
	defer body.Close()
	p := Progress{Part: "logical"}
	return load(ctx, readerFunc(func(b []byte) (int, error) {
		n, err := body.Read(b)
		p.Bytes += int64(n)
		report(p)
		return n, err
	}))
}

// ChooseLogicalCopy is the choice of a set for its logical copy alone.
func ChooseLogicalCopy(ctx context.Context, r *repository.Repository) (RestorePoint, error) {
	l, err := LastLogical(ctx, r)
	if err == nil && l.ID == "" {
		err = fmt.Errorf("no set has a logical copy: %w", repository.ErrNoSet)
	}
	return RestorePoint{Set: l.ID, Document: l.Document}, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var _ io.Reader = readerFunc(nil)
