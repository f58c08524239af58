package backup

import (
	"context"
	"fmt"
	"io"

	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// LogicalCopy is a set with a logical copy; ID is empty when there is none.
type LogicalCopy struct {
	ID string
	Document
}

// LastLogicalCopy is the newest set with a logical copy of the database.
func LastLogicalCopy(ctx context.Context, r *repository.Repository) (LogicalCopy, error) {
	sets, err := r.Sets(ctx)
	if err != nil {
		return LogicalCopy{}, err
	}
	for _, s := range sets {
		d, err := Read(ctx, r, s.ID)
		if err != nil {
			return LogicalCopy{}, err
		}
		if d.Logical {
			return LogicalCopy{s.ID, d}, nil
		}
	}
	return LogicalCopy{}, nil
}

// LoadLogicalCopy replaces the schema of a running, empty cluster by the logical
// copy of a set, in one transaction.
func LoadLogicalCopy(ctx context.Context, r *repository.Repository, set string, c *pgcluster.Cluster, report func(Progress)) error {
	return ReadLogicalCopy(ctx, r, set, report, c.Load)
}

// ReadLogicalCopy opens the logical copy of a set and calls load with it.
func ReadLogicalCopy(ctx context.Context, r *repository.Repository, set string, report func(Progress), load func(context.Context, io.Reader) error) error {
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

// ChooseLogicalCopy is the restore point of the newest logical copy, without WAL.
func ChooseLogicalCopy(ctx context.Context, r *repository.Repository) (RestorePoint, error) {
	l, err := LastLogicalCopy(ctx, r)
	if err == nil && l.ID == "" {
		err = fmt.Errorf("no set has a logical copy: %w", repository.ErrNoSet)
	}
	return RestorePoint{Set: l.ID, Document: l.Document}, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var _ io.Reader = readerFunc(nil)
