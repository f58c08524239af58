package repository

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kopia/kopia/repo/blob"
	"github.com/kopia/kopia/snapshot"
	"github.com/kopia/kopia/snapshot/snapshotfs"
)

// Verdict is what verifying one set found.
type Verdict struct {
	ID      string
	Files   int64 // looked at
	Bytes   int64 // read and compared with their hashes
	Damages []string
}

// Verify looks for every piece that the sets need, and reads percent of their
// files whole: from the target, with an empty cache, because the usual one would
// vouch for what the target has lost. Damages are findings, not an error.
func (r *Repository) Verify(ctx context.Context, ids []string, percent float64) (verdicts []Verdict, err error) {
	o := r.o
	if o.Cache, err = os.MkdirTemp(r.o.Cache, "verify-"); err != nil {
		return nil, fmt.Errorf("making an empty cache: %w", err)
	}
	defer os.RemoveAll(o.Cache)
	fresh, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fresh.Close(context.WithoutCancel(ctx))) }()
	return fresh.verifyAll(ctx, ids, percent)
}

func (r *Repository) verifyAll(ctx context.Context, ids []string, percent float64) ([]Verdict, error) {
	blobs, err := blob.ReadBlobMap(ctx, r.rep.BlobReader())
	if err != nil {
		return nil, fmt.Errorf("listing the target: %w", err)
	}
	out := make([]Verdict, 0, len(ids))
	for _, id := range ids {
		m, err := r.manifest(ctx, id)
		if err != nil {
			return out, err
		}
		out = append(out, r.verify(ctx, m, blobs, percent))
	}
	return out, r.failed(ctx.Err())
}

func (r *Repository) verify(ctx context.Context, m *snapshot.Manifest, blobs map[blob.ID]blob.Metadata, percent float64) Verdict {
	v := Verdict{ID: string(m.ID)}
	root, err := snapshotfs.SnapshotRoot(r.rep, m)
	if err != nil {
		v.Damages = append(v.Damages, err.Error())
		return v
	}
	verifier := snapshotfs.NewVerifier(ctx, r.rep, snapshotfs.VerifierOptions{
		VerifyFilesPercent: percent, Parallelism: 2, MaxErrors: 100, BlobMap: blobs,
	})
	result, err := verifier.InParallel(ctx, func(tw *snapshotfs.TreeWalker) error { return tw.Process(ctx, root, ".") })
	v.Files, v.Bytes = int64(result.Stats.ProcessedObjectCount), result.Stats.ReadBytes
	v.Damages = append(v.Damages, result.ErrorStrings...)
	if err != nil && len(v.Damages) == 0 {
		v.Damages = append(v.Damages, err.Error())
	}
	return v
}
