package backup

import (
	"context"
	"fmt"
	"slices"

	"github.com/bugspark/bugspark/internal/backup/repository"
)

// compareSets finds out whether sets are missing that this machine remembers.
func (d *Drill) compareSets(ctx context.Context, out *DrillReport) error {
	sets, err := d.Repository.Sets(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(d.Kept), func(id string) bool {
		return slices.ContainsFunc(sets, func(s repository.Set) bool { return s.ID == id })
	})
	if n := len(missing); n > 0 {
		out.Failures = append(out.Failures, fmt.Sprintf("%d sets that this machine has saved are not on the target any more, the newest of them %s (bugspark backup verify)", n, missing[n-1]))
	}
	return nil
}
