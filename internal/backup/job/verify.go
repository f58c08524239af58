package job

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/repository"
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
}

// Err is an error when sets are damaged.
func (v Verified) Err() error {
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
func remembered(before history.Verification, damaged []string, percent float64, now time.Time) history.Verification {
	out := history.Verification{At: now, Full: before.Full, Damaged: damaged}
	if percent == 100 {
		out.Full = now
	} else if len(damaged) == 0 {
		out.Damaged = before.Damaged
	}
	return out
}

// Verify reads sets back and compares them with their hashes.
func (j *Jobs) Verify(ctx context.Context, o VerifyOptions) (Verified, error) {
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
	now := time.Now()
	percent := percentToRead(o, h.Verify.Full, now)
	ids, all := o.Sets, len(o.Sets) == 0
	if all {
		sets, err := s.Repository.Sets(ctx)
		if err != nil {
			return Verified{}, err
		}
		for _, set := range sets {
			ids = append(ids, set.ID)
		}
	}
	var out Verified
	if out.Verdicts, err = s.Repository.Verify(ctx, ids, percent); err != nil {
		return out, ExplainNoSet(err)
	}
	for _, v := range out.Verdicts {
		if len(v.Damages) > 0 {
			out.Damaged = append(out.Damaged, v.ID)
		}
	}
	if !all || s.Endpoint.Copy {
		return out, nil // what is judged every day is the whole of the first target
	}
	return out, history.Write(s.Jobs.Dirs, history.VerifyFile, remembered(h.Verify, out.Damaged, percent, now))
}
