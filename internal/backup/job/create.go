package job

import (
	"context"
	"errors"
	"reflect"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
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
	Claim   bool              // make the target this machine's, also one of another machine
	Logical bool              // add a logical copy of the database, whenever the last one was made
	Waiting func(what string) // hears what the set waits for; may be nil
}

// logicalInterval is how often a set holds a logical copy as well. Half a day less
// than a week, because a set does not begin at the same second every day.
const logicalInterval = 6*24*time.Hour + 12*time.Hour

// logicalDue tells whether a set holds a logical copy of the database unasked.
// last is when the newest set with one was taken; zero when there is none.
func logicalDue(last, now time.Time) bool { return now.Sub(last) > logicalInterval }

// Create saves one set, after any other session that writes to the target.
func (j *Jobs) Create(ctx context.Context, o CreateOptions, report func(backup.Progress)) (SavedSet, error) {
	out, err := j.take(ctx, o, report)
	return out, j.ended(ctx, history.TakeSet, err)
}

func (j *Jobs) take(ctx context.Context, o CreateOptions, report func(backup.Progress)) (SavedSet, error) {
	s, err := j.Open(ctx, OpenOptions{Create: true, Claim: o.Claim, Wait: true, Waiting: o.Waiting})
	if err != nil {
		return SavedSet{}, err
	}
	defer s.Close()
	if err := s.makeRoom(ctx); err != nil {
		return SavedSet{}, err
	}
	return s.create(ctx, o, report)
}

func (s *Session) create(ctx context.Context, o CreateOptions, report func(backup.Progress)) (SavedSet, error) {
	began := time.Now()
	request, err := s.Jobs.answers()
	if err != nil {
		return SavedSet{}, err
	}
	if s.sources.Logical = o.Logical; !o.Logical {
		last, err := backup.LastLogicalCopy(ctx, s.Repository)
		if err != nil {
			return SavedSet{}, err
		}
		s.sources.Logical = logicalDue(last.CreatedAt, began)
	}
	if err := s.checkAhead(ctx); err != nil {
		return SavedSet{}, err
	}
	before, err := s.Repository.Sets(ctx)
	if err != nil {
		return SavedSet{}, err
	}
	id, d, err := backup.Create(ctx, s.Repository, s.sources, report)
	if err != nil {
		return SavedSet{}, s.explainCreate(ctx, err)
	}
	out := SavedSet{id, time.Since(began).Seconds(), d}
	set := history.SavedSet{ID: id, At: d.CreatedAt, Start: d.Database.Start, Seconds: out.Took, Answers: request, Place: s.Jobs.Config.Backup.Place()}
	return out, s.Jobs.saved(before, set, o.Claim)
}

// answers is the request that a set answers which begins now. It is none when another
// configuration came into force while the set waited for its turn: the request may be
// for what that one asks of a set, such as the place in the WAL where it begins.
func (j *Jobs) answers() (string, error) {
	if j.InForce != nil {
		now, err := j.InForce()
		if err != nil || !reflect.DeepEqual(now, j.Config) {
			return "", err
		}
	}
	return history.Requested(j.Dirs)
}

// checkAhead refuses a set while the archive has WAL of another life of this server: a
// restore would replay it onto the set.
func (s *Session) checkAhead(ctx context.Context) error {
	if !s.Jobs.Config.Streams() {
		return nil
	}
	source, err := s.Jobs.walSource()
	if err != nil {
		return err
	}
	defer source.Close()
	system, err := source.System(ctx)
	if err != nil {
		return nil //nolint:nilerr // the set itself fails by it, and says why
	}
	h, err := history.Read(s.Jobs.Dirs)
	if err != nil {
		return err
	}
	if h.WAL.Place != s.Jobs.Config.Backup.Place() {
		h.WAL = archive.State{}
	}
	a, err := s.Archive(ctx)
	if err != nil {
		return err
	}
	_, err = a.CheckAhead(ctx, system, source, &h.WAL)
	return err
}

// explainCreate adds to an error what may be done about it. The engine of the sets
// loses the cause of its errors, so that the target is asked as well.
func (s *Session) explainCreate(ctx context.Context, err error) error {
	if s.guarded.Lost() != nil {
		return s.guarded.Lost()
	}
	if tight, room, asking := s.tight(ctx); asking == nil && (tight || errors.Is(err, target.ErrBeside)) {
		return s.noRoom(room, err)
	}
	free, asking := s.Target.Free(ctx)
	if errors.Is(err, syscall.ENOSPC) || asking == nil && free < target.Reserve {
		return fault.Wrap(fault.Failed, syscall.ENOSPC, "make room there, or: bugspark backup prune --now", "no set was saved, the sets before are untouched; the backup target %s is full", s.Target)
	}
	return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup create' again; the sets before are untouched", "no set was saved")
}
