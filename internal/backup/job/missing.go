package job

import (
	"context"
	"errors"
	"io/fs"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// open opens the repository of the session's target. A mount that is missing, a target
// without backups and one of another machine look alike to the engine of the sets, and
// are told apart here.
func (s *Session) open(ctx context.Context, o repository.Options) (*repository.Repository, error) {
	if _, err := s.Target.Dir(ctx, ""); err != nil {
		return nil, s.explainAway(err)
	}
	r, err := repository.Open(ctx, o)
	if err != nil {
		return nil, s.explainOpen(ctx, err)
	}
	return r, nil
}

// explainAway adds to the error of a target that is not there what to do. On a new
// machine there is no configuration that could be corrected.
func (s *Session) explainAway(err error) error {
	switch {
	case s.which == named:
		return fault.Wrap(fault.Preflight, err, "mount it, or correct --target", "the target %s is not there", s.Target)
	case s.Kit != nil && errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.Preflight, err, "mount it, or name it with --target where it is mounted here", "the backup target %s of the recovery kit is not there", s.Target)
	case s.Kit != nil:
		return fault.Wrap(fault.Preflight, err, "bugspark backup list shows what is there; or put a copy of it into a directory, and name that with --target", "the backup target %s of the recovery kit does not answer", s.Target)
	}
	return s.Endpoint.Explain(err)
}

func (s *Session) explainOpen(ctx context.Context, err error) error {
	missing := errors.Is(err, repository.ErrMissing)
	switch {
	case errors.Is(err, repository.ErrKey) && s.Kit != nil:
		return fault.Wrap(fault.Preflight, err, "take the kit of "+s.ownerHost(ctx)+", or name the target of this kit",
			"the recovery kit %s does not open the backups of %s. Nothing was changed", s.Kit.Fingerprint(), s.ownerHost(ctx))
	case errors.Is(err, repository.ErrKey):
		return err
	case s.which == named && missing:
		return fault.Wrap(fault.Failed, repository.ErrMissing, "mount it, or name the directory in which owner.json, sets and archive are", "the target %s holds no backups", s.Target)
	case s.Kit != nil && missing:
		return fault.Wrap(fault.Failed, repository.ErrMissing, "mount it, or name it with --target where it is mounted here", "the backup target %s of the recovery kit holds no backups", s.Target)
	case s.which == named, s.Kit != nil:
		return err
	}
	if own, asking := s.Endpoint.Own(s.Jobs.Dirs, s.Target); asking == nil {
		if not := own.Check(ctx); errors.Is(not, target.ErrAway) || errors.Is(not, target.ErrOwnedElsewhere) {
			return not
		}
	}
	switch {
	case missing:
		return s.noSets(repository.ErrMissing)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Failed, err, "bugspark apply, which gives what is there to the account of the backups", "the backup target %s holds something that belongs to another account", s.Target)
	}
	return err
}

// noSets is the error of a target without sets.
func (s *Session) noSets(err error) error {
	if s.Endpoint.Copy {
		return fault.Wrap(fault.Failed, err, "bugspark backup copy", "nothing was copied to the second backup target %s yet", s.Target)
	}
	return fault.Wrap(fault.Failed, err, "bugspark backup create", "there is no set in the backup target %s yet", s.Target)
}

// Explain adds to the error of a set that does not exist where to find the others.
func (s *Session) Explain(err error) error {
	switch {
	case errors.Is(err, backup.ErrNoSets) && (s.which == named || s.Kit != nil):
		return fault.Wrap(fault.Failed, err, "name another target with --target", "the target %s", s.Target)
	case errors.Is(err, backup.ErrNoSets):
		return s.noSets(err)
	case errors.Is(err, repository.ErrNoSet):
		return fault.Wrap(fault.Usage, err, s.listing(), "looking for the set")
	}
	return err
}

// listing is the command that lists the sets of the session's target.
func (s *Session) listing() string {
	switch {
	case s.Kit != nil:
		return "the same command with --list"
	case s.which == named:
		return "bugspark restore --list --target " + s.Target.String()
	case s.Endpoint.Copy:
		return "bugspark backup list --copy"
	}
	return "bugspark backup list"
}
