package repository

import (
	"context"
	"fmt"

	"github.com/kopia/kopia/repo"
	"github.com/kopia/kopia/repo/maintenance"
	"github.com/kopia/kopia/repo/manifest"
	"github.com/kopia/kopia/snapshot"
	"github.com/kopia/kopia/snapshot/snapshotmaintenance"
)

// Delete forgets sets, and what is left of ones that never became whole. The
// space they took comes back by Reclaim.
func (r *Repository) Delete(ctx context.Context, ids []string) error {
	all, err := snapshot.ListSnapshots(ctx, r.rep, source())
	if err != nil {
		return fmt.Errorf("listing the sets: %w", err)
	}
	gone := map[manifest.ID]bool{}
	for _, id := range ids {
		gone[manifest.ID(id)] = true
	}
	err = repo.WriteSession(ctx, r.rep, repo.WriteSessionOptions{Purpose: "prune"}, func(ctx context.Context, w repo.RepositoryWriter) error {
		for _, m := range all {
			if !gone[m.ID] && m.IncompleteReason == "" {
				continue
			}
			if err := w.DeleteManifest(ctx, m.ID); err != nil {
				return fmt.Errorf("deleting set %s: %w", m.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return r.failed(err)
	}
	return nil
}

// Reclaim gives space back that no set needs any more. What was deleted stays on
// the target for at least a day and two rounds, because another writer could
// still refer to it; at once is for a caller who knows that there is none. That takes
// two rounds: in the first the engine counts what it has just deleted as part of a pack,
// and keeps the pack.
func (r *Repository) Reclaim(ctx context.Context, atOnce bool) error {
	if !atOnce {
		return r.maintain(ctx, maintenance.SafetyFull)
	}
	if err := r.maintain(ctx, maintenance.SafetyNone); err != nil {
		return err
	}
	return r.maintain(ctx, maintenance.SafetyNone)
}

func (r *Repository) maintain(ctx context.Context, safety maintenance.SafetyParameters) error {
	err := repo.DirectWriteSession(ctx, r.rep, repo.WriteSessionOptions{Purpose: "reclaim"}, func(ctx context.Context, w repo.DirectRepositoryWriter) error {
		p, err := maintenance.GetParams(ctx, w)
		if err != nil {
			return err
		}
		if owner := w.ClientOptions().UsernameAtHost(); p.Owner != owner {
			p.Owner = owner
			if err := maintenance.SetParams(ctx, w, p); err != nil {
				return err
			}
		}
		return snapshotmaintenance.Run(ctx, w, maintenance.ModeFull, true, safety)
	})
	if err != nil {
		return r.failed(fmt.Errorf("reclaiming space on the target: %w", err))
	}
	return nil
}
