package job

import (
	"context"
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/fault"
)

// VerifyOptions say what to verify.
type VerifyOptions struct {
	Sets      []string // empty: all of them
	Percent   float64  // share of the files to read whole
	Scheduled bool     // a sample, or everything when that was last done a week ago
	Copy      bool     // on the second target
}

// Verified is what a verification found.
type Verified struct {
	Verdicts []repository.Verdict
	Damaged  []string // ids of the sets with damages
	Archive  archive.Inspection
	Missing  []history.KeptSet // sets that this machine has saved, and that are not there
	// Rescue are the instructions and programs on the target that this version has not
	// put there.
	Rescue []string
	Copy   bool // of the second target
}

// Err is an error when sets or the archive are damaged.
func (v Verified) Err() error {
	if len(v.Missing) > 0 {
		return fault.New(fault.Failed, nextOfMissing, "%s: it may be an older state of itself, or its index was damaged", missingSets(v.Missing))
	}
	if len(v.Rescue) > 0 && len(v.Damaged)+len(v.Archive.Damages) == 0 {
		return fault.New(fault.Failed, "remove it there, and it is written anew with the next set: bugspark backup create; ask who has changed it",
			"sets and archive are whole, but somebody has changed what is there to be read and run without bugspark: %s", v.Rescue[0])
	}
	if v.Copy && len(v.Damaged)+len(v.Archive.Damages) > 0 {
		return fault.New(fault.Failed, "bugspark backup verify tells whether the first target is whole; bugspark backup create, then bugspark backup copy bring a new set to the second one",
			"the second target is damaged: %d of %d sets, and the archive in %d places", len(v.Damaged), len(v.Verdicts), len(v.Archive.Damages))
	}
	if n := len(v.Archive.Damages); n > 0 && len(v.Damaged) == 0 {
		return fault.New(fault.Failed, "take a new set at once: bugspark backup create; what is missing may be on the second target", "the archive is damaged in %d places; the first: %s", n, v.Archive.Damages[0])
	}
	if len(v.Damaged) == 0 {
		return nil
	}
	return fault.New(fault.Failed, "take a new set at once: bugspark backup create", "%d of %d sets are damaged", len(v.Damaged), len(v.Verdicts))
}

const (
	// fullInterval is how often a scheduled verification reads every byte. Half a
	// day less than a week, because it does not begin at the same second every day.
	fullInterval  = 6*24*time.Hour + 12*time.Hour
	samplePercent = 5
)

// percentToRead decides which share of the files a verification reads whole. full
// is when everything was last read.
func percentToRead(o VerifyOptions, full, now time.Time) float64 {
	if o.Scheduled && now.Sub(full) < fullInterval {
		return samplePercent
	}
	return o.Percent
}

// remembered is what is remembered of a verification of all sets that read a share
// of their files. A sample does not take back what a full reading found.
func remembered(before history.Verification, damaged, archive []string, percent float64, now time.Time) history.Verification {
	out := history.Verification{At: now, Full: before.Full, Damaged: damaged, Archive: archive}
	if percent == 100 {
		out.Full = now
		return out
	}
	if len(damaged) == 0 {
		out.Damaged = before.Damaged
	}
	if len(archive) == 0 {
		out.Archive = before.Archive
	}
	return out
}

// Verify reads sets back and compares them with their hashes.
func (j *Jobs) Verify(ctx context.Context, o VerifyOptions) (Verified, error) {
	out, err := j.readBack(ctx, o)
	switch {
	case len(o.Sets) > 0: // what is judged every day is all sets of a target
		return out, err
	case o.Copy:
		return out, j.ended(ctx, history.CopyVerify, err)
	}
	return out, j.ended(ctx, history.Verify, err)
}

func (j *Jobs) readBack(ctx context.Context, o VerifyOptions) (Verified, error) {
	s, err := j.Open(ctx, OpenOptions{Copy: o.Copy})
	if err != nil {
		return Verified{}, err
	}
	defer s.Close()
	return s.verify(ctx, o)
}

func (s *Session) verify(ctx context.Context, o VerifyOptions) (Verified, error) {
	h, err := history.Read(s.Jobs.Dirs)
	if err != nil {
		return Verified{}, err
	}
	h = h.Of(s.Jobs.Config.Backup)
	now := time.Now()
	file, before, place := history.VerifyFile, h.Verify, s.Jobs.Config.Backup.Place()
	if s.Endpoint.Copy {
		file, before, place = history.CopyVerifyFile, h.CopyVerify, s.Jobs.Config.Backup.Copy.Place()
	}
	percent := percentToRead(o, before.Full, now)
	ids, all := slices.Clone(o.Sets), len(o.Sets) == 0
	for i := range ids {
		if ids[i], err = s.named(ctx, ids[i]); err != nil {
			return Verified{}, err
		}
	}
	var sets []repository.Set
	if all {
		if sets, err = s.Repository.Sets(ctx); err != nil {
			return Verified{}, err
		}
		for _, set := range sets {
			ids = append(ids, set.ID)
		}
	}
	out := Verified{Copy: s.Endpoint.Copy}
	if out.Verdicts, err = s.Repository.Verify(ctx, ids, percent); err != nil {
		return out, s.Explain(err)
	}
	for _, v := range out.Verdicts {
		if len(v.Damages) > 0 {
			out.Damaged = append(out.Damaged, v.ID)
		}
	}
	if !all {
		return out, nil
	}
	if !s.Endpoint.Copy && !h.SetsElsewhere(s.Jobs.Config.Backup.Place()) {
		k := s.Jobs.kept(h, sets, now)
		out.Missing = k.Missing()
		if err := history.Write(s.Jobs.Dirs, history.KeptFile, k); err != nil {
			return out, err
		}
	}
	if out.Archive, err = s.verifyArchive(ctx, sets, h, percent, now); err != nil {
		return out, err
	}
	if out.Rescue, err = rescue.Compare(ctx, s.Target, s.rescueDir()); err != nil {
		return out, s.Explain(err)
	}
	found := remembered(before, out.Damaged, out.Archive.Damages, percent, now)
	found.Place = place
	return out, history.Write(s.Jobs.Dirs, file, found)
}

// verifyArchive looks through the archive, and on the first target compares with what
// this machine remembers: an old state of the target is whole in itself.
func (s *Session) verifyArchive(ctx context.Context, sets []repository.Set, h history.History, percent float64, now time.Time) (archive.Inspection, error) {
	a, err := s.Archive(ctx)
	if err != nil {
		return archive.Inspection{}, err
	}
	out, err := a.Inspect(ctx, percent)
	if err != nil {
		return out, err
	}
	var shipped archive.State
	if !s.Endpoint.Copy {
		shipped = h.WAL
	}
	l, err := s.lineage(ctx, sets)
	if err != nil {
		return out, err
	}
	gaps, err := l.gaps(ctx, now.Add(-s.Jobs.window()), shipped)
	out.Damages = append(out.Damages, gaps...)
	return out, err
}
